use super::*;

/// Manifests as 8.3 gateways signed them (by migration, by a module, by an administrator), and the SHA-256 of
/// their `config.json`. White space is not signed.
const SIGNED: [(&str, &str); 3] = [
    (
        r#"{"scope": "A", "description": "", "version": 1, "restricted": false, "overridable": true,
            "files": ["config.json"], "attributes": {
            "lastModification": {"actor": "8.3-migration", "timestamp": "2025-10-08T19:11:12Z"},
            "uuid": "d83cf835-54c4-4a53-b43d-e72ccaedc7dc",
            "lastModificationSignature": "3940ea251fcaabdac23cddb1ff369be162f87e7c3409e1b18f5936299456fd87", "enabled": true}}"#,
        "d021093b244c5ddd0a93d41d6b0c1b4fc8774bb1890ce032831ad4a6266a78ba",
    ),
    (
        r#"{"scope": "A", "version": 1, "restricted": false, "overridable": true,
            "files": ["config.json"], "attributes": {
            "lastModification": {"actor": "unknown", "timestamp": "2025-10-08T19:11:15Z"},
            "lastModificationSignature": "d5fcdeba6a865b5d9ac521809ca92742169268e5873c1bd098df057db28c171e"}}"#,
        "7d45b2a901aa0b5988be8115a719caa069caef148782aaca57c3de6bd901430c",
    ),
    (
        r#"{"scope": "A", "description": "Database connection for Project Template", "version": 1,
            "restricted": false, "overridable": true,
            "files": ["config.json"], "attributes": {
            "lastModification": {"actor": "admin", "timestamp": "2025-10-08T20:07:51Z"},
            "uuid": "9727b3a7-bff4-4249-93f5-25f9010886a3",
            "lastModificationSignature": "e09b7a5df3f22e15d47311335de7420e2024239ecf71af85946b2798dba069b3", "enabled": true}}"#,
        "2fbbdc2ed83762fd95050465f004c2ec8fec8ed7058d627dc0aa8da36a866142",
    ),
];

fn hashes(hash: &str) -> impl FnMut(&str) -> Option<FileHash> + use<> {
    let byte = |at: usize| u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).unwrap();
    let hash = std::array::from_fn(byte);
    move |name| (name == "config.json").then_some(hash)
}

/// The SHA-256 of a payload that is another one.
fn other() -> String {
    hex(&Sha256::digest(b"{\n}\n"))
}

#[test]
fn gateways_own_signatures_are_found_valid() {
    for (manifest, payload) in SIGNED {
        assert_eq!(valid_signature(manifest.as_bytes(), hashes(payload)), Some(true), "{manifest}");
    }
}

#[test]
fn another_payload_breaks_the_signature() {
    for (manifest, _) in SIGNED {
        assert_eq!(valid_signature(manifest.as_bytes(), hashes(&other())), Some(false));
    }
}

#[test]
fn every_signed_part_counts() {
    let (manifest, payload) = SIGNED[2];
    for (from, to) in [
        ("\"A\"", "\"G\""),
        ("Project Template", "Project template"),
        ("\"version\": 1", "\"version\": 2"),
        ("\"restricted\": false", "\"restricted\": true"),
        ("\"overridable\": true", "\"overridable\": false"),
        ("\"restricted\": false", "\"restricted\": false, \"locked\": true"),
        ("\"admin\"", "\"nobody\""),
        ("\"enabled\": true", "\"enabled\": false"),
        ("\"enabled\": true", "\"enabled\": true, \"more\": 1"),
    ] {
        let changed = manifest.replace(from, to);
        assert_ne!(changed, manifest);
        assert_eq!(valid_signature(changed.as_bytes(), hashes(payload)), Some(false), "{from} {to}");
    }
}

#[test]
fn what_is_not_signed_does_not_count() {
    let (manifest, payload) = SIGNED[2];
    for same in [
        manifest.replace(['\n'], "").replace("  ", ""),
        manifest.replace("\"description\"", "\"documentation\""),
        manifest.replace("\"version\": 1,", ""),
        manifest.replace("\"overridable\": true,", ""),
        manifest
            .replace("\"restricted\": false,", "\"restricted\": false, \"locked\": false, \"unknown\": [1],"),
        manifest.replace("\"admin\"", "\"\\u0061dmin\""),
    ] {
        assert_eq!(valid_signature(same.as_bytes(), hashes(payload)), Some(true), "{same}");
    }
}

#[test]
fn a_new_signature_replaces_the_old_and_no_other_byte() {
    for (manifest, payload) in SIGNED {
        let signed = with_signature(manifest.as_bytes(), hashes(&other())).unwrap();
        assert_eq!(valid_signature(&signed, hashes(&other())), Some(true));
        assert_ne!(signed, manifest.as_bytes());
        assert_eq!(with_signature(&signed, hashes(payload)).unwrap(), manifest.as_bytes());
    }
}

#[test]
fn a_signature_elsewhere_in_the_text_is_left_alone() {
    let manifest = r#"{"lastModificationSignature":"a","scope":"G","files":[],
        "attributes":{"x":{"lastModificationSignature":"b"},"lastModificationSignature":"c","z":"\"lastModificationSignature\":\"d\""}}"#;
    let signed = String::from_utf8(with_signature(manifest.as_bytes(), |_| None).unwrap()).unwrap();
    let signature = signature(manifest.as_bytes(), |_| None).unwrap();
    assert_eq!(signed, manifest.replace(r#""c""#, &format!("{signature:?}")));
    assert_eq!(valid_signature(signed.as_bytes(), |_| None), Some(true));
}

#[test]
fn what_cannot_be_judged_is_not_judged() {
    let (manifest, payload) = SIGNED[1];
    let unsigned = manifest.replace("lastModificationSignature", "other");
    assert_eq!(valid_signature(unsigned.as_bytes(), hashes(payload)), None);
    assert_eq!(valid_signature(manifest.as_bytes(), |_| None), None);
    assert_eq!(with_signature(manifest.as_bytes(), |_| None), None);
    for broken in [
        "",
        "[]",
        "{",
        r#"{"attributes":{"lastModificationSignature":"x"}}"#,
        r#"{"scope":"X","attributes":{"lastModificationSignature":"x"}}"#,
        r#"{"scope":"G","files":"a","attributes":{"lastModificationSignature":"x"}}"#,
        r#"{"scope":"G","files":[1],"attributes":{"lastModificationSignature":"x"}}"#,
        r#"{"scope":"G","version":"1","attributes":{"lastModificationSignature":"x"}}"#,
        r#"{"scope":"G","version":9999999999,"attributes":{"lastModificationSignature":"x"}}"#,
        r#"{"scope":"G","attributes":{"lastModificationSignature":7}}"#,
        r#"{"scope":"G","attributes":[]}"#,
    ] {
        assert_eq!(valid_signature(broken.as_bytes(), |_| Some([0; 32])), None, "{broken}");
    }
}

#[test]
fn an_empty_signature_is_signed_and_stale() {
    let manifest = br#"{"scope":"DG","files":["q"],"attributes":{"lastModificationSignature":""}}"#;
    assert_eq!(valid_signature(manifest, |_| Some([1; 32])), Some(false));
}
