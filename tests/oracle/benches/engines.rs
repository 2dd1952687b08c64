//! The three engines on what gateways have: files of 2 kB with a few actions, a large tag export, the default excludes.
//! In processor time, which other programs on the machine do not change much.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};
use stoker_glob::PathFilter;
use stoker_gotemplate::{Limits, Map, Struct, Template, Value};
use stoker_jsonset::{Patches, parse_value};

const FILES: usize = 10_000;
const FILE_BYTES: usize = 2_000;
const DOCUMENT_BYTES: usize = 20_000_000;

/// The time that this thread was on a processor.
struct Processor;

impl Measurement for Processor {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
    }

    fn end(&self, started: Duration) -> Duration {
        self.start().saturating_sub(started)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn main() {
    let criterion = Criterion::default().with_measurement(Processor).sample_size(10);
    let mut criterion = criterion.warm_up_time(Duration::from_secs(1)).configure_from_args();
    templates(&mut criterion);
    patches(&mut criterion);
    globs(&mut criterion);
    criterion.final_summary();
}

fn templates(criterion: &mut Criterion<Processor>) {
    let files: Vec<Vec<u8>> = (0..FILES).map(template).collect();
    let data = Value::Struct(Struct::new(
        "Context",
        [
            ("GatewayName", Value::from("line-7")),
            ("Namespace", Value::from("plant")),
            ("PodOrdinal", Value::Int(2)),
            ("Labels", Value::Map(Map::of_strings([("app.kubernetes.io/name", "ignition")]))),
            ("Vars", Value::Map(Map::of_strings([("site", "north"), ("area", "paint"), ("port", "8088")]))),
        ],
    ));
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("templates", |bencher| {
        let mut output = Vec::with_capacity(2 * FILE_BYTES);
        bencher.iter(|| {
            for text in &files {
                output.clear();
                let template = Template::parse("view.json", text).expect("a template");
                template.render(&data, &Limits::default(), &mut output).expect("names that are there");
                black_box(&output);
            }
        });
    });
    group.finish();
}

/// A configuration file with actions in it, of about 2 kB.
fn template(number: usize) -> Vec<u8> {
    let mut text = format!(
        "{{\n  \"name\": \"{{{{ .GatewayName }}}}-{number}\",\n  \"url\": \"http://{{{{ .Vars.site }}}}.plant:{{{{ .Vars.port }}}}/\",\n"
    );
    text += "  \"app\": \"{{ index .Labels \"app.kubernetes.io/name\" }}\",\n";
    text += "  \"mode\": \"{{ if eq .Vars.area \"paint\" }}wet{{ else }}dry{{ end }}\",\n";
    text += "  \"node\": {{ printf \"%03d\" .PodOrdinal }},\n  \"children\": [\n";
    for child in 0.. {
        if text.len() >= FILE_BYTES - 40 {
            break;
        }
        text += &format!(
            "    {{ \"meta\": {{ \"name\": \"Label_{child}\" }}, \"position\": {{ \"x\": {}, \"y\": 0.25 }} }},\n",
            child * 16
        );
    }
    text += "    { \"path\": \"[default]{{ .Vars.site }}/{{ .Namespace }}\" }\n  ]\n}\n";
    text.into_bytes()
}

fn patches(criterion: &mut Criterion<Processor>) {
    let document = document();
    let set = BTreeMap::from([
        ("name", parse_value("north")),
        ("tags.60000.value", parse_value("21.5")),
        ("tags.-1", parse_value("{\"name\": \"new\"}")),
    ]);
    let patches = Patches::new(set).expect("paths");
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("patches", |bencher| {
        let mut output = Vec::with_capacity(document.len() + 100);
        bencher.iter(|| {
            output.clear();
            patches.apply(&mut Cursor::new(&document), &mut output).expect("a document that takes them");
            black_box(&output);
        });
    });
    group.finish();
}

/// A tag export of 20 MB.
fn document() -> Vec<u8> {
    let mut text = String::from("{\n  \"name\": \"default\",\n  \"tags\": [");
    for tag in 0.. {
        if text.len() >= DOCUMENT_BYTES {
            break;
        }
        text += if tag == 0 { "" } else { "," };
        text += &format!(
            "\n    {{\n      \"name\": \"Motor_{tag}\",\n      \"tagType\": \"AtomicTag\",\n      \"value\": {tag}.50,\n      \
             \"tooltip\": \"Motor {tag}, \\\"line\\\" 7 \\u00b0C\"\n    }}"
        );
    }
    text += "\n  ]\n}\n";
    text.into_bytes()
}

fn globs(criterion: &mut Criterion<Processor>) {
    const PATTERNS: [&str; 10] = [
        "**/.git/",
        "**/.gitkeep",
        "**/.resources/**",
        "**/*.bak",
        "projects/*/ignition/script-python/**/test_*",
        "**/{tmp,cache}/",
        "config/resources/local/**",
        "**/thumbnail.png",
        "projects/[a-f]*/**/*.{py,sql}",
        "**/~*",
    ];
    let paths: Vec<String> = (0..FILES)
        .map(|number| {
            format!(
                "projects/line{}/com.inductiveautomation.perspective/views/area{}/page{number}/view.json",
                number % 20,
                number % 50
            )
        })
        .collect();
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements((FILES * PATTERNS.len()) as u64));
    group.bench_function("globs", |bencher| {
        bencher.iter(|| {
            let filter = PathFilter::new(black_box(PATTERNS)).expect("patterns");
            paths.iter().filter(|path| filter.excluded(path, false)).count()
        });
    });
    group.finish();
}
