//! What was found, drawn.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::full_palette::{
    BLUE_700, BROWN_500, GREEN_700, GREY_400, GREY_700, ORANGE_800, PURPLE_500, TEAL_500,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::results::{Found, Results};
use crate::table::{bytes, short, thousands};

type Drawn = Result<(), Box<dyn std::error::Error>>;

const WIDTH: u32 = 760;
const LEFT: i32 = 180;
const RIGHT: i32 = 650;
const ROW: i32 = 30;
const TOP: i32 = 60;
const OURS: RGBColor = BLUE_700;
const OTHERS: [RGBColor; 6] = [BROWN_500, GREEN_700, PURPLE_500, ORANGE_800, TEAL_500, GREY_700];
/// Bytes at the foot of the plot of memory.
const LEAST: f64 = 50.0;

pub fn draw(results: &Results, folder: &Path) -> crate::peer::Result<()> {
    let drawn = throughput(results, folder).and_then(|()| p99(results, folder)).and_then(|()| memory(results, folder));
    drawn.map_err(|error| error.to_string().into())
}

fn color(found: &Found) -> RGBColor {
    if found.name == "regrant" { OURS } else { GREY_400 }
}

/// A file with a title, a line of what was done, and the names on the left.
fn rows(
    path: &Path,
    title: &str,
    results: &Results,
    mut row: impl FnMut(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, &Found, i32) -> Drawn,
) -> Drawn {
    let count = i32::try_from(results.peers.len())?;
    let height = u32::try_from(TOP + count * ROW + 15)?;
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title, (15, 12), ("sans-serif", 18).into_font()))?;
    let under =
        format!("{} connections, server on one core; {}, {}", results.connections, results.machine, results.date);
    root.draw(&Text::new(under, (15, 35), ("sans-serif", 13).into_font().color(&GREY_700)))?;
    let named = ("sans-serif", 14).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
    for (found, place) in results.peers.iter().zip(0..) {
        let middle = TOP + place * ROW + ROW / 2;
        root.draw(&Text::new(found.name, (LEFT - 10, middle), named.clone()))?;
        row(&root, found, middle)?;
    }
    root.present()?;
    Ok(())
}

fn value_style<'a>() -> TextStyle<'a> {
    ("sans-serif", 13).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center))
}

/// A place between the left and the right.
#[expect(clippy::cast_possible_truncation, reason = "pixels")]
fn across(part: f64) -> i32 {
    LEFT + (f64::from(RIGHT - LEFT) * part.clamp(0.0, 1.0)).round() as i32
}

fn throughput(results: &Results, folder: &Path) -> Drawn {
    let most = results.peers.iter().map(|found| found.busy.per_second).fold(1.0, f64::max);
    rows(&folder.join("throughput.svg"), "Refreshes per second over HTTP", results, |root, found, middle| {
        let end = across(found.busy.per_second / most);
        root.draw(&Rectangle::new([(LEFT, middle - 9), (end, middle + 9)], color(found).filled()))?;
        root.draw(&Text::new(thousands(found.busy.per_second), (end + 6, middle), value_style()))?;
        Ok(())
    })
}

fn p99(results: &Results, folder: &Path) -> Drawn {
    let most = results.peers.iter().map(|found| found.busy.p99_us).fold(1.0, f64::max);
    let least = results.peers.iter().map(|found| found.busy.p50_us).fold(most, f64::min) / 2.0;
    let place = |value: f64| across((value / least).ln() / (most / least).ln());
    let title = "Time of a refresh over HTTP: median (ring) and 99th percentile (dot), logarithmic";
    rows(&folder.join("p99.svg"), title, results, |root, found, middle| {
        let (half, late) = (place(found.busy.p50_us), place(found.busy.p99_us));
        let color = if found.name == "regrant" { OURS } else { GREY_700 };
        root.draw(&PathElement::new([(half, middle), (late, middle)], color.stroke_width(2)))?;
        root.draw(&Circle::new((half, middle), 5, WHITE.filled()))?;
        root.draw(&Circle::new((half, middle), 5, color.stroke_width(2)))?;
        root.draw(&Circle::new((late, middle), 5, color.filled()))?;
        root.draw(&Text::new(short(found.busy.p99_us), (late + 10, middle), value_style()))?;
        Ok(())
    })
}

fn memory(results: &Results, folder: &Path) -> Drawn {
    let path = folder.join("memory.svg");
    let root = SVGBackend::new(&path, (WIDTH, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(
        "Resident bytes of a session, by the refreshes it has had (logarithmic)",
        (15, 12),
        ("sans-serif", 18).into_font(),
    ))?;
    let under = format!("{}, {}", results.machine, results.date);
    root.draw(&Text::new(under, (15, 35), ("sans-serif", 13).into_font().color(&GREY_700)))?;
    let stores = || results.peers.iter().filter(|found| found.replays.is_some());
    let all = || stores().flat_map(|found| found.memory.iter());
    let most = all().map(|memory| memory.bytes_a_session).fold(1.0, f64::max) * 1.5;
    let last = all().map(|memory| memory.refreshes).max().unwrap_or(1);
    let mut chart = ChartBuilder::on(&root.margin(55, 10, 10, 190))
        .x_label_area_size(35)
        .y_label_area_size(80)
        .build_cartesian_2d(0_f64..f64::from(last), (LEAST..most).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("refreshes of each session")
        .x_labels(usize::try_from(last)? + 1)
        .x_label_formatter(&|refreshes| format!("{refreshes:.0}"))
        .y_label_formatter(&|value| bytes(*value))
        .draw()?;
    // Names at the ends of the lines, from the highest down, so that none stands upon another.
    let mut ends = Vec::new();
    for (found, place) in stores().zip(0..) {
        let color = if found.name == "regrant" { OURS } else { OTHERS[place % OTHERS.len()] };
        let line: Vec<_> =
            found.memory.iter().map(|memory| (f64::from(memory.refreshes), memory.bytes_a_session)).collect();
        // Less than nothing, after a heap that shrank, has no place here.
        let line: Vec<_> = line.into_iter().filter(|at| at.1 >= LEAST).collect();
        chart.draw_series(LineSeries::new(line.iter().copied(), color.stroke_width(2)))?;
        chart.draw_series(line.iter().map(|at| Circle::new(*at, 3, color.filled())))?;
        if let Some(end) = line.last() {
            ends.push((chart.backend_coord(end), found.name, end.1, color));
        }
    }
    ends.sort_by_key(|((_, y), ..)| *y);
    let mut free = 0;
    for ((x, y), name, value, color) in ends {
        let y = y.max(free);
        free = y + 17;
        let text = format!("{name}: {}", bytes(value));
        root.draw(&Text::new(text, (x + 8, y), value_style().color(&color)))?;
    }
    root.present()?;
    Ok(())
}
