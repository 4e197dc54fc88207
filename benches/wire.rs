//! Parsing of form bodies and Basic headers, each beside what one would use otherwise.
//!
//! `form_urlencoded` borrows what it can (`Cow`) when collected as it is; `owned` is what a host gets that keeps the
//! pairs. Neither is strict, has limits or wipes anything.

use std::{borrow::Cow, hint::black_box};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use regrant::internal::{BasicCredentials, Form};
use regrant::wire::Limits;

const REFRESH: &[u8] = b"grant_type=refresh_token&refresh_token=AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

const LOGIN: &[u8] = b"grant_type=password&username=ren%C3%A9e.dupont%40example.com\
    &password=correct+horse%26battery%3Dstaple&scope=openid+profile+offline_access&client_id=web\
    &resource=https%3A%2F%2Fapi.example.com%2F&display_name=Ren%C3%A9e";

fn compare(group: &mut BenchmarkGroup<'_, WallTime>, body: &[u8]) {
    let limits = Limits::default();
    assert!(Form::parse(body, &limits).is_ok());
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("regrant", |b| {
        b.iter(|| Form::parse(black_box(body), &limits).is_ok());
    });
    group.bench_function("form_urlencoded", |b| {
        b.iter(|| form_urlencoded::parse(black_box(body)).collect::<Vec<(Cow<'_, str>, Cow<'_, str>)>>());
    });
    group.bench_function("form_urlencoded, owned", |b| {
        b.iter(|| form_urlencoded::parse(black_box(body)).into_owned().collect::<Vec<(String, String)>>());
    });
}

/// The parameters of a refresh, read as the token endpoint reads them.
fn lookup(group: &mut BenchmarkGroup<'_, WallTime>) {
    let limits = Limits::default();
    let names = ["grant_type", "refresh_token", "scope", "client_id", "client_secret"];
    group.bench_function("regrant, and look up 5 names", |b| {
        b.iter(|| {
            let form = Form::parse(black_box(REFRESH), &limits).ok()?;
            let mut found = 0;
            for name in names {
                found += form.single(black_box(name)).ok()?.map_or(0, str::len);
            }
            Some(found)
        });
    });
}

fn form(c: &mut Criterion) {
    let mut group = c.benchmark_group("form: refresh");
    compare(&mut group, REFRESH);
    lookup(&mut group);
    group.finish();

    let mut group = c.benchmark_group("form: login");
    compare(&mut group, LOGIN);
    group.finish();

    // The most work that the limits let a body cause, each in another way.
    let hostile = [
        ("escapes", format!("{}a=1", format!("p=%C3%A9{}&", "%e2%82%AC".repeat(1030)).repeat(7))),
        ("plain", format!("{}a=1", format!("p={}&", "x".repeat(8190)).repeat(7))),
        ("not ASCII", format!("{}a=1", format!("p={}&", "é+".repeat(2700)).repeat(7))),
        ("empty segments", "&".repeat(65535)),
    ];
    for (name, body) in hostile {
        let mut group = c.benchmark_group(format!("form: hostile, {name}"));
        compare(&mut group, body.as_bytes());
        group.finish();
    }

    // What is refused early costs little.
    let mut group = c.benchmark_group("form: refused");
    let many = "a&".repeat(32 * 1024);
    group.bench_function("too many parameters", |b| {
        b.iter(|| Form::parse(black_box(many.as_bytes()), &Limits::default()).is_err());
    });
    group.finish();
}

fn basic(c: &mut Criterion) {
    let short = format!("Basic {}", STANDARD.encode("web:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"));
    let escaped = format!("Basic {}", STANDARD.encode("https%3A%2F%2Fapp.example.com:p%C3%A4ss+word%21"));
    let long = format!("Basic {}", STANDARD.encode(format!("web:{}", "s".repeat(2000))));
    for (name, header) in [("short", short), ("escaped", escaped), ("long", long)] {
        assert!(BasicCredentials::parse(header.as_bytes()).is_ok());
        let mut group = c.benchmark_group(format!("basic: {name}"));
        group.bench_function("regrant", |b| {
            b.iter(|| BasicCredentials::parse(black_box(header.as_bytes())).is_ok());
        });
        group.bench_function("base64 to a Vec", |b| {
            b.iter(|| STANDARD.decode(&black_box(header.as_bytes())[6..]));
        });
        group.finish();
    }
}

criterion_group!(benches, form, basic);
criterion_main!(benches);
