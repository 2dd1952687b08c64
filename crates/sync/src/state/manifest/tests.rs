use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::base::{Base, BaseReader, BaseWriter};
use super::changes::{Change, ChangesWriter};
use super::*;
use crate::fs::Stat;
use crate::path::{order, order_beneath};
use crate::state::codec::Writer;
use stoker_object::ObjectId;

struct Plain;

impl crate::Rules for Plain {
    fn key(&self) -> String {
        String::new()
    }
    fn never_touch(&self, _: &str) -> Option<&'static str> {
        None
    }
    fn never_delete(&self, _: &str) -> Option<&'static str> {
        None
    }
    fn skip(&self, _: &str) -> bool {
        false
    }
    fn declares_resource(&self, name: &str) -> bool {
        name == "resource.json"
    }
    fn refuses_prune_all(&self, _: &str) -> Option<String> {
        None
    }
    fn essence(&self, _: &str, _: &[u8]) -> Option<ObjectId> {
        None
    }
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 20])
}

fn entry(path: &str, mark: u8) -> Entry {
    let stat = Stat { size: u64::from(mark), mtime: 1_700_000_000_123_456_789, ctime: -5, inode: 99 };
    Entry {
        path: path.to_owned(),
        source: id(mark),
        content: id(mark),
        executable: mark.is_multiple_of(2),
        mapping: 0,
        rendered: None,
        essence: mark.is_multiple_of(3).then_some(id(4)),
        stat,
    }
}

fn header(commit: &str) -> Header {
    let mappings = vec![MappingKey { source: "s".into(), destination: "d".into() }];
    Header { commit: commit.into(), mappings, ..Header::default() }
}

fn sorted<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = entries.into_iter().cloned().collect();
    entries.sort_by(|a, b| order(&a.path, &b.path, &|name| name == "resource.json"));
    entries
}

fn write_base(dir: &Path, header: &Header, entries: &[Entry]) -> ObjectId {
    let mut writer = BaseWriter::create(&base_path(dir), header).unwrap();
    for entry in entries {
        writer.push(entry).unwrap();
    }
    writer.finish().unwrap();
    Base::open(&base_path(dir)).unwrap().unwrap().id
}

fn write_changes(dir: &Path, base: &ObjectId, header: &Header, changes: &[Change]) {
    let mut writer = ChangesWriter::create(&changes_path(dir), base, header).unwrap();
    for change in changes {
        writer.push(change).unwrap();
    }
    writer.finish().unwrap();
}

fn all(dir: &Path) -> Result<Vec<Entry>, Error> {
    let (mut reader, _) = ManifestReader::open(dir, &Plain)?.unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = reader.advance()? {
        entries.push(entry);
    }
    Ok(entries)
}

/// A few thousand files in directories of every size, over many blocks.
fn estate() -> Vec<Entry> {
    let mut entries = Vec::new();
    for project in 0..3_u8 {
        for view in 0..400_u16 {
            for name in ["view.json", "resource.json", "thumbnail.png"] {
                let path = format!("d/projects/project {project}/views/Übersicht/view-{view:03}/{name}");
                entries.push(entry(&path, (view % 250) as u8));
            }
        }
        entries.push(entry(&format!("d/projects/project {project}/project.json"), 1));
    }
    entries.push(entry("d/a-file", 7));
    sorted(&entries)
}

/// A small generator of fixed seed (splitmix64): what fails once fails again.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }
}

#[test]
fn entries_come_back_as_they_went() {
    let dir = tempfile::tempdir().unwrap();
    let rendered =
        Entry { content: id(2), rendered: Some(Rendered { key: id(3), volatile: true }), ..entry("d/c", 5) };
    let entries = [entry("d/b", 6), rendered];
    write_base(dir.path(), &header("x"), &entries);
    let (_, header) = super::header(dir.path()).unwrap().unwrap();
    assert_eq!((header.commit.as_str(), header.files, header.bytes), ("x", 2, 11));
    assert_eq!(all(dir.path()).unwrap(), entries);
}

#[test]
fn a_manifest_without_entries_is_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(super::header(dir.path()).unwrap().is_none());
    write_base(dir.path(), &header("x"), &[]);
    assert_eq!(all(dir.path()).unwrap(), []);
}

#[test]
fn every_entry_is_found_and_every_directory_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let entries = estate();
    write_base(dir.path(), &header("x"), &entries);
    assert!(fs::metadata(base_path(dir.path())).unwrap().len() > 8 * 8192, "many blocks");
    for step in [1, 7, 500, 3000] {
        let (mut reader, _) = ManifestReader::open(dir.path(), &Plain).unwrap().unwrap();
        for wanted in entries.iter().step_by(step) {
            assert_eq!(reader.find(&wanted.path).unwrap().as_ref(), Some(wanted));
            assert_eq!(reader.find(&format!("{}~", wanted.path)).unwrap(), None);
        }
    }
    for directory in
        ["d", "d/projects", "d/projects/project 1", "d/projects/project 1/views/Übersicht/view-200"]
    {
        let (mut reader, _) = ManifestReader::open(dir.path(), &Plain).unwrap().unwrap();
        reader.pass(directory).unwrap();
        let beyond = entries.iter().find(|entry| order_beneath(&entry.path, directory).is_gt());
        assert_eq!(reader.peek().unwrap(), beyond, "{directory}");
    }
}

#[test]
fn what_is_passed_over_is_not_even_read() {
    let dir = tempfile::tempdir().unwrap();
    let entries = estate();
    write_base(dir.path(), &header("x"), &entries);
    // One byte in the middle of project 1: whoever reads it, notices.
    let path = base_path(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(is_damaged(&all(dir.path()).unwrap_err(), dir.path()));
    let (mut reader, header) = ManifestReader::open(dir.path(), &Plain).unwrap().unwrap();
    assert_eq!(header.files, entries.len() as u64);
    reader.pass("d/projects/project 0").unwrap();
    reader.pass("d/projects/project 1").unwrap();
    assert!(reader.peek().unwrap().unwrap().path.starts_with("d/projects/project 2/"));
}

#[test]
fn a_base_cut_or_changed_anywhere_is_noticed_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    write_base(dir.path(), &header("x"), &sorted(&[entry("d/a/b", 1), entry("d/a/c", 2), entry("d/b", 3)]));
    let path = base_path(dir.path());
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        fs::write(&path, &good[..at]).unwrap();
        assert!(all(dir.path()).is_err(), "cut at {at}");
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        fs::write(&path, &bad).unwrap();
        assert!(all(dir.path()).is_err(), "changed at {at}");
    }
}

#[test]
fn changes_of_another_base_say_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let entries = [entry("d/a", 1), entry("d/b", 2)];
    let base = write_base(dir.path(), &header("one"), &entries);
    write_changes(dir.path(), &id(9), &header("another"), &[Change::Gone("d/a".into())]);
    assert_eq!(all(dir.path()).unwrap(), entries);
    assert_eq!(super::header(dir.path()).unwrap().unwrap().1.commit, "one");
    write_changes(dir.path(), &base, &header("two"), &[Change::Gone("d/a".into())]);
    assert_eq!(all(dir.path()).unwrap(), entries[1..]);
    assert_eq!(super::header(dir.path()).unwrap().unwrap().1.commit, "two");
}

#[test]
fn damaged_changes_make_the_whole_manifest_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let base = write_base(dir.path(), &header("one"), &[entry("d/a", 1)]);
    write_changes(dir.path(), &base, &header("two"), &[Change::Put(entry("d/b", 2))]);
    let path = changes_path(dir.path());
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        fs::write(&path, &bad).unwrap();
        let error = super::header(dir.path()).unwrap_err();
        assert!(is_damaged(&error, dir.path()), "{error}");
    }
}

#[test]
fn entries_out_of_order_or_of_no_mapping_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    write_base(dir.path(), &header("x"), &[entry("d/b", 1), entry("d/a", 2)]);
    assert!(all(dir.path()).unwrap_err().to_string().contains("out of order"));
    write_base(dir.path(), &header("x"), &[Entry { mapping: 1, ..entry("d/b", 1) }]);
    assert!(all(dir.path()).unwrap_err().to_string().contains("mapping is unknown"));
    // Whatever the index says: it comes to an end.
    let mut entries = estate();
    entries.reverse();
    write_base(dir.path(), &header("x"), &entries);
    let (mut reader, _) = ManifestReader::open(dir.path(), &Plain).unwrap().unwrap();
    let _ = reader.find("d/projects/project 1/project.json");
    let mut reader = BaseReader::new(Base::open(&base_path(dir.path())).unwrap().unwrap());
    reader.skip(&|path| path < "d/projects/project 1").unwrap();
}

#[test]
fn base_and_changes_read_as_a_manifest_written_whole() {
    for seed in 0..40 {
        let (dir, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut random = Random(seed);
        let paths: Vec<String> = estate().into_iter().map(|entry| entry.path).step_by(5).collect();
        let mut now: BTreeMap<String, Entry> = BTreeMap::new();
        for path in &paths {
            if random.below(3) > 0 {
                now.insert(path.clone(), entry(path, random.below(250) as u8));
            }
        }
        let base = write_base(dir.path(), &header("base"), &sorted(now.values()));
        // A history of commits; each adds, changes, removes and forgets what was never there.
        let mut changed: BTreeMap<String, Change> = BTreeMap::new();
        for round in 0..=random.below(4) {
            for _ in 0..random.below(60) {
                let path = &paths[random.below(paths.len())];
                let change = if random.below(3) == 0 {
                    now.remove(path);
                    Change::Gone(path.clone())
                } else {
                    let entry = entry(path, random.below(250) as u8);
                    now.insert(path.clone(), entry.clone());
                    Change::Put(entry)
                };
                changed.insert(path.clone(), change);
            }
            let mut changes: Vec<Change> = changed.values().cloned().collect();
            changes.sort_by(|a, b| order(a.path(), b.path(), &|name| name == "resource.json"));
            write_changes(dir.path(), &base, &header(&round.to_string()), &changes);
            let expected = sorted(now.values());
            write_base(whole.path(), &header(&round.to_string()), &expected);
            assert_eq!(all(dir.path()).unwrap(), expected, "seed {seed}, round {round}");
            assert_eq!(all(whole.path()).unwrap(), expected);
            // And when only some of it is looked for.
            let (mut one, _) = ManifestReader::open(dir.path(), &Plain).unwrap().unwrap();
            let (mut other, _) = ManifestReader::open(whole.path(), &Plain).unwrap().unwrap();
            let mut at = 0;
            while at < paths.len() {
                if random.below(4) == 0 {
                    let directory = crate::path::split(&paths[at]).0;
                    one.pass(directory).unwrap();
                    other.pass(directory).unwrap();
                    assert_eq!(one.peek().unwrap(), other.peek().unwrap());
                }
                assert_eq!(one.find(&paths[at]).unwrap(), other.find(&paths[at]).unwrap(), "seed {seed}");
                at += 1 + random.below(50);
            }
        }
    }
}

/// As version 0.1 wrote manifests before they had blocks.
fn write_format_1(dir: &Path, header: &Header, entries: &[Entry]) {
    let mut writer = Writer::create(&base_path(dir), b'M', header).unwrap();
    for entry in entries {
        writer.record(1).unwrap();
        write_entry(&mut writer, entry).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_manifest_of_the_format_before_is_converted_whole() {
    let dir = tempfile::tempdir().unwrap();
    let entries = estate();
    let unmanaged = Entry { mapping: u16::MAX, ..entry("d/z", 1) };
    write_format_1(dir.path(), &header("old"), &[entries.clone(), vec![unmanaged]].concat());
    assert!(is_damaged(&super::header(dir.path()).unwrap_err(), dir.path()));
    convert(dir.path()).unwrap();
    assert_eq!(all(dir.path()).unwrap(), entries);
    let (_, header) = super::header(dir.path()).unwrap().unwrap();
    assert_eq!((header.commit.as_str(), header.files), ("old", entries.len() as u64));
    // There is nothing more to convert.
    let converted = fs::read(base_path(dir.path())).unwrap();
    convert(dir.path()).unwrap();
    assert_eq!(fs::read(base_path(dir.path())).unwrap(), converted);
}

#[test]
fn a_damaged_manifest_of_the_format_before_stays_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    write_format_1(dir.path(), &header("old"), &[entry("d/a", 1), entry("d/b", 2)]);
    let good = fs::read(base_path(dir.path())).unwrap();
    for at in 6..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        fs::write(base_path(dir.path()), &bad).unwrap();
        convert(dir.path()).unwrap();
        assert!(is_damaged(&super::header(dir.path()).unwrap_err(), dir.path()), "changed at {at}");
    }
}
