use super::*;

const PROTECTED: &[&str] = &[
    "projects/.resources",
    "projects/.resources/ab/cdef",
    "projects/Line1/.resources/x",
    ".resources/x",
    "config/local",
    "config/local/ignition/x.json",
    "config/resources/local",
    "config/resources/local/config-mode.json",
    "config/resources/local/ignition/gateway/config.json",
    "config/ignition/keys",
    "config/ignition/keys/root.jwk",
    "config/ignition/tags/x.json",
    "uuid.txt",
    "config/uuid.txt",
    "config/ignition/.uuid",
    ".uuid",
    "db",
    "db/config.idb",
    "db/x/y",
    "var/ignition/x",
    "metricsdb/metrics.idb",
    "logs/wrapper.log",
    "config.idb",
    "projects/x/stray.idb",
    "config.idb-wal",
    "x-shm",
    ".ignition-seed-complete",
    "commissioning.json",
    "redundancy.xml",
    "redundancy.xml/below",
    ".stoker",
    ".stoker/journal",
    "../elsewhere",
    "projects/../db",
];

const FREE: &[&str] = &[
    "",
    ".versions.json",
    "config",
    "config/resources",
    "config/ignition",
    "config/ignition/other.json",
    "config/resources/core/ignition/tags/x",
    "config/resources/core/local/type/config.json",
    "config/resources/localised/x",
    "config/localhost",
    "projects/db/project.json",
    "projects/var/project.json",
    "projects/logs/project.json",
    "projects/p/redundancy.xml",
    "projects/p/commissioning.json",
    "projects/p/views/sea-wal/view.json",
    "projects/p/uuid.txt.bak",
    "projects/p/resources/x",
    "databases/x",
    "db2/x",
    "modules/x.modl",
    "projects/Straße/Größe.json",
];

#[test]
fn what_bricks_a_gateway_is_never_touched() {
    let guard = Guard::default();
    for path in PROTECTED {
        assert!(guard.never_touch(path).is_some(), "{path}");
    }
}

#[test]
fn everything_else_is_free() {
    let guard = Guard::default();
    for path in FREE {
        assert_eq!(guard.never_touch(path), None, "{path}");
    }
}

#[test]
fn case_and_spelling_do_not_open_a_protected_path() {
    let guard = Guard::default();
    for path in PROTECTED {
        let upper = path.to_uppercase();
        assert!(guard.never_touch(&upper).is_some(), "{upper}");
        let spelled = format!("./{}/", path.replace('/', "//"));
        assert!(guard.never_touch(&spelled).is_some(), "{spelled}");
    }
    for path in ["projects/.reſources/x", "LogS/x", "config/Ignition/\u{212A}eys/x"] {
        assert!(guard.never_touch(path).is_some(), "{path}");
    }
}

#[test]
fn local_opens_only_where_a_mapping_names_a_path_inside_it() {
    let guard = Guard::new([
        "projects",
        "config/resources/Local/ignition/opcua/",
        "./config/resources/local/config-mode.json",
    ]);
    for free in [
        "config/resources/local/ignition/opcua",
        "config/resources/local/ignition/opcua/config.json",
        "config/resources/LOCAL/Ignition/OPCUA/x/y",
        "config/resources/local/config-mode.json",
    ] {
        assert_eq!(guard.never_touch(free), None, "{free}");
    }
    for closed in [
        "config/resources/local",
        "config/resources/local/ignition",
        "config/resources/local/ignition/opcua-2/config.json",
        "config/resources/local/ignition/opcua/uuid.txt",
        "config/resources/local/ignition/opcua/.resources/x",
        "config/local/ignition/opcua",
    ] {
        assert!(guard.never_touch(closed).is_some(), "{closed}");
    }
}

#[test]
fn naming_the_collection_or_what_is_above_it_opens_nothing() {
    for destination in
        ["config/resources/local", "config/resources/local/", "config/resources", "config", "."]
    {
        let guard = Guard::new([destination]);
        assert!(
            guard.never_touch("config/resources/local/ignition/x/config.json").is_some(),
            "{destination}"
        );
    }
}

#[test]
fn two_hundred_thousand_paths_take_no_time() {
    let guard = Guard::new(["config/resources/core"]);
    let path = "projects/Line1/com.inductiveautomation.perspective/views/Area/Station/Cell/Pump/view.json";
    // In many small parts: on a busy machine at least one of them is left in peace.
    let part = |_| {
        let started = std::time::Instant::now();
        let refused = (0..2_000).filter(|_| guard.never_touch(std::hint::black_box(path)).is_some()).count();
        assert_eq!(refused, 0);
        started.elapsed()
    };
    let least = (0..100).map(part).min().unwrap_or_default();
    // Generous: unoptimised it takes some 7 ms, optimised 0.7 ms.
    assert!(least < std::time::Duration::from_millis(50), "{least:?}");
}
