//! What the files hold: text that compresses as gateways' JSON does, and bytes that do not compress at all.

use std::fmt::Write as _;

use super::plan::Payload;
use super::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Binary,
    /// The binary of the same seed, changed here and there.
    LaterVersion,
    Image,
    Empty,
    Config,
    View,
    Script,
    Query,
    Tags,
    Text,
}

impl Kind {
    /// The smallest file of the kind.
    pub(super) fn least(self) -> u64 {
        match self {
            Self::View => 160,
            Self::Tags | Self::Config => 100,
            _ => 40,
        }
    }

    /// Whether its size is a share of the estate's.
    pub(super) fn is_sized(self) -> bool {
        !matches!(self, Self::Binary | Self::LaterVersion | Self::Empty)
    }

    /// How many times smaller than views files of this kind are.
    pub(super) fn smallness(self) -> u64 {
        match self {
            Self::View => 1,
            Self::Tags => 2,
            Self::Script | Self::Image => 4,
            _ => 8,
        }
    }
}

/// The contents of a file, of exactly its size. A revision differs in a few bytes.
pub(super) fn contents(payload: &Payload, revision: u32) -> Vec<u8> {
    let size = payload.size as usize;
    let mut random = Random::new(payload.seed);
    match payload.kind {
        Kind::Empty => Vec::new(),
        Kind::Binary | Kind::Image => binary(size, &mut random),
        Kind::LaterVersion => later_version(binary(size, &mut random), &mut random),
        Kind::View => {
            let opening = format!(
                "{{\n  \"custom\": {{ \"revision\": \"{revision}\" }},\n  \"root\": {{\n    \"children\": ["
            );
            let closing =
                ("\n    ],\n    \"type\": \"ia.container.coord\"\n  },\n  \"notes\": \"", "\"\n}\n");
            json(size, &opening, closing, |text, index| component(text, index, &mut random))
        }
        Kind::Tags => {
            json(size, "{\n  \"tags\": [", ("\n  ],\n  \"notes\": \"", "\"\n}\n"), |text, index| {
                tag(text, index, &mut random);
            })
        }
        Kind::Config => {
            json(size, "{\n  \"settings\": [", ("\n  ],\n  \"title\": \"", "\"\n}\n"), |text, index| {
                setting(text, index, &mut random);
            })
        }
        Kind::Script => lines(size, "#!/usr/bin/env -S python3 -u\n", "# ", |text| script(text, &mut random)),
        Kind::Query => lines(size, "-- named query\n", "-- ", |text| query(text, &mut random)),
        Kind::Text => lines(size, "Plant\n", "", |text| query(text, &mut random)),
    }
}

fn binary(size: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0; size];
    random.fill(&mut bytes);
    bytes
}

/// A little of every 64 KiB is new, and the middle is moved by a few bytes: what a rebuilt jar looks like to a delta.
fn later_version(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for block in bytes.chunks_mut(64 * 1024) {
        let length = block.len().min(200);
        random.fill(&mut block[..length]);
    }
    let (quarter, end) = (bytes.len() / 4, bytes.len() / 2);
    bytes[quarter..end].rotate_right(13);
    bytes
}

/// A JSON object that holds a list of as many entries as have room, and a text that fills it up.
fn json(
    size: usize,
    opening: &str,
    closing: (&str, &str),
    mut entry: impl FnMut(&mut String, usize),
) -> Vec<u8> {
    let mut text = String::with_capacity(size + 1024);
    text.push_str(opening);
    let tail = closing.0.len() + closing.1.len();
    for index in 0.. {
        let before = text.len();
        if index > 0 {
            text.push(',');
        }
        entry(&mut text, index);
        if text.len() + tail > size {
            text.truncate(before);
            break;
        }
    }
    text.push_str(closing.0);
    let room = size.saturating_sub(text.len() + closing.1.len());
    text.extend(FILLER.chars().cycle().take(room));
    text.push_str(closing.1);
    text.into_bytes()
}

/// Lines, as many as have room, and a comment that fills up.
fn lines(size: usize, opening: &str, comment: &str, mut line: impl FnMut(&mut String)) -> Vec<u8> {
    let mut text = String::with_capacity(size + 1024);
    text.push_str(opening);
    loop {
        let before = text.len();
        line(&mut text);
        if text.len() > size {
            text.truncate(before);
            break;
        }
    }
    let room = size.saturating_sub(text.len());
    text.extend(comment.chars().chain(FILLER.chars().cycle()).take(room));
    text.into_bytes()
}

/// ASCII, so that a character is a byte.
const FILLER: &str = "Checked at commissioning; see the shift log for what was changed and why. ";
const TYPES: [&str; 6] = [
    "ia.display.label",
    "ia.display.icon",
    "ia.input.button",
    "ia.display.led-display",
    "ia.symbol.pump",
    "ia.chart.xy",
];
const AREAS: [&str; 6] = ["Boiler House", "Filling", "Packaging", "Cooling Water", "Dosing", "Silo Farm"];
const POINTS: [&str; 8] =
    ["Speed", "Level", "Pressure", "Running", "Fault", "Setpoint", "Temperature", "Flow"];

fn component(text: &mut String, index: usize, random: &mut Random) {
    let (kind, area, point) = (random.word(&TYPES), random.word(&AREAS), random.word(&POINTS));
    let (x, y) = (random.below(1920), random.below(1080));
    let (width, height, unit) = (random.below(400), random.below(200), random.below(500));
    let color = random.below(0x100_0000);
    let id = random.next();
    let samples: Vec<String> = (0..12).map(|_| random.below(100_000).to_string()).collect();
    let samples = samples.join(", ");
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r##"
      {{
        "meta": {{
          "name": "{point}_{index}"
        }},
        "position": {{
          "height": {height},
          "width": {width},
          "x": {x},
          "y": {y}
        }},
        "propConfig": {{
          "props.value": {{
            "binding": {{
              "config": {{
                "fallbackDelay": 2.5,
                "mode": "direct",
                "tagPath": "[default]{area}/Unit {unit}/{point}"
              }},
              "type": "tag"
            }}
          }}
        }},
        "props": {{
          "domId": "{id:016x}",
          "samples": [{samples}],
          "style": {{
            "backgroundColor": "#{color:06X}",
            "classes": "Readout/Value"
          }}
        }},
        "type": "{kind}"
      }}"##
    );
}

fn tag(text: &mut String, index: usize, random: &mut Random) {
    let (area, point, address) = (random.word(&AREAS), random.word(&POINTS), random.below(0x1_0000));
    let _ = write!(
        text,
        r#"
    {{
      "dataType": "Float4",
      "name": "{point} {index}",
      "opcItemPath": "ns=1;s=[plc]{area}.DB{address}",
      "opcServer": "Ignition OPC UA Server",
      "tagType": "AtomicTag",
      "valueSource": "opc"
    }}"#
    );
}

fn setting(text: &mut String, index: usize, random: &mut Random) {
    let (area, value) = (random.word(&AREAS), random.next());
    let _ = write!(text, "\n    {{ \"name\": \"{area} {index}\", \"value\": \"{value:016x}\" }}");
}

fn script(text: &mut String, random: &mut Random) {
    let (point, area, unit) = (random.word(&POINTS), random.word(&AREAS), random.below(500));
    let name = point.to_lowercase();
    let _ = writeln!(
        text,
        "{name}_{unit} = system.tag.readBlocking(['[default]{area}/Unit {unit}/{point}'])[0].value"
    );
}

fn query(text: &mut String, random: &mut Random) {
    let (point, area, limit) = (random.word(&POINTS), random.word(&AREAS), random.below(100_000));
    let _ = writeln!(
        text,
        "SELECT {point}, t_stamp FROM history WHERE area = '{area}' AND id < {limit} AND t_stamp > :start;"
    );
}
