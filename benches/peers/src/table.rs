//! What was found, as a table in Markdown.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::peer::Result;
use crate::results::Results;

const BEGIN: &str = "<!-- written by `run` -->\n";
const END: &str = "<!-- until here -->";

pub fn of(results: &Results) -> String {
    let mut text = format!(
        "{}, {} cores, {}. Medians of {} rounds of {} s. {}\n\n",
        results.date, results.cores, results.machine, results.rounds, results.seconds_a_round, results.note
    );
    text += "| | sessions | refreshes per second, \
             {N} connections | p50, p99 | one connection: p50, p99 | CPU of the server a refresh | the same without sockets | bytes a session, \
             after 1 refresh | more bytes with each refresh | a replay: time, logins ended |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .replace("{N}", &results.connections.to_string())
        .as_str();
    for found in &results.peers {
        let (busy, one) = (&found.busy, &found.one_connection);
        let _ = write!(
            text,
            "| {} {} | {} | {} | {}, {} | {}, {} | {} | {} |",
            found.name,
            found.version,
            found.sessions,
            thousands(busy.per_second),
            short(busy.p50_us),
            short(busy.p99_us),
            short(one.p50_us),
            short(one.p99_us),
            short(found.server_cpu_us),
            found.in_process_us.map_or_else(String::new, short),
        );
        let after_one = found.memory.iter().find(|memory| memory.refreshes == 1);
        let _ = match (found.replays, after_one) {
            (Some(replays), Some(memory)) => writeln!(
                text,
                " {} | {} | {}, {} of {} |",
                thousands(memory.bytes_a_session),
                thousands(found.bytes_a_refresh),
                short(replays.p50_us),
                replays.ended,
                replays.tried
            ),
            _ => writeln!(text, " | | |"),
        };
    }
    text
}

/// Writes the table between its marks.
pub fn put(file: &Path, table: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the file has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the place of the table does not end")?;
    fs::write(file, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}

/// A time of microseconds, for people.
pub fn short(micros: f64) -> String {
    if micros >= 10_000.0 {
        format!("{:.0} ms", micros / 1_000.0)
    } else if micros >= 1_000.0 {
        format!("{:.1} ms", micros / 1_000.0)
    } else if micros >= 10.0 {
        format!("{micros:.0} µs")
    } else {
        format!("{micros:.1} µs")
    }
}

pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{text}") } else { text }
}

pub fn bytes(value: f64) -> String {
    if value >= 10_000.0 { format!("{:.0} kB", value / 1_000.0) } else { thousands(value) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{BEGIN, END, bytes, put, short, thousands};

    #[test]
    fn a_table_takes_the_place_of_the_one_before_and_nothing_else() {
        let file = std::env::temp_dir().join(format!("peers-table-{}.md", std::process::id()));
        fs::write(&file, format!("above\n{BEGIN}old\n{END}\nbelow\n")).expect("written");
        put(&file, "new\n").expect("a place for it");
        let text = fs::read_to_string(&file).expect("read");
        assert_eq!(text, format!("above\n{BEGIN}new\n{END}\nbelow\n"));
        fs::write(&file, "no place").expect("written");
        assert!(put(&file, "new").is_err());
        fs::remove_file(&file).expect("removed");
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (value, text) in
            [(0.0, "0"), (999.4, "999"), (1_000.0, "1,000"), (1_234_567.0, "1,234,567"), (-1_234.0, "-1,234")]
        {
            assert_eq!(thousands(value), text);
        }
        assert_eq!(
            (short(1.84), short(43.2), short(1_520.0), short(25_000.0)),
            ("1.8 µs".into(), "43 µs".into(), "1.5 ms".into(), "25 ms".into())
        );
        assert_eq!((bytes(130.0), bytes(25_400.0)), ("130".into(), "25 kB".into()));
    }
}
