use super::*;

fn id(digit: char) -> ObjectId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn line(name: &str, digit: char) -> RefLine<'_> {
    RefLine { name, id: id(digit), peeled: None, target: None }
}

fn picker(reference: &str, names: &[&str]) -> Picker {
    let mut picker = Picker::new(reference);
    for name in names {
        picker.see(line(name, '1'));
    }
    picker
}

fn picked(picker: &Picker) -> Resolved {
    picker.picked().unwrap().resolved
}

fn similar(reference: &str, names: &[&str]) -> Vec<String> {
    match picker(reference, names).not_found() {
        Error::UnknownRef { similar, .. } => similar,
        error => panic!("{error}"),
    }
}

#[test]
fn a_branch_wins_over_a_tag_of_the_same_name() {
    let mut picker = Picker::new("v1");
    picker.see(line("refs/tags/v1", '2'));
    assert_eq!((picked(&picker).commit, picked(&picker).kind), (id('2'), RefKind::Tag));
    picker.see(line("refs/heads/v1", '1'));
    picker.see(line("refs/heads/v10", '3'));
    assert_eq!((picked(&picker).commit, picked(&picker).kind), (id('1'), RefKind::Branch));
    assert_eq!(picked(&picker).full_name.as_deref(), Some("refs/heads/v1"));
}

#[test]
fn tags_are_peeled_in_both_protocols() {
    let mut v2 = Picker::new("v1");
    v2.see(RefLine { peeled: Some(id('1')), ..line("refs/tags/v1", '2') });
    let mut v0 = Picker::new("refs/tags/v1");
    v0.see(line("refs/tags/v1", '2'));
    assert!(v0.picked().unwrap().unpeeled);
    v0.see(RefLine { peeled: Some(id('1')), ..line("refs/tags/v1", '1') });
    for picker in [v2, v0] {
        assert_eq!(picked(&picker).commit, id('1'));
        assert!(!picker.picked().unwrap().unpeeled);
    }
}

#[test]
fn head_is_the_branch_it_stands_for() {
    let mut picker = Picker::new("HEAD");
    picker.see(RefLine { target: Some("refs/heads/main"), ..line("HEAD", '1') });
    let expected = Resolved {
        commit: id('1'),
        object: id('1'),
        full_name: Some("refs/heads/main".into()),
        kind: RefKind::Head,
    };
    assert_eq!(picked(&picker), expected);
}

#[test]
fn names_are_looked_up_where_git_would() {
    assert_eq!(candidates("main"), ["refs/heads/main", "refs/tags/main"]);
    assert_eq!(candidates("HEAD"), ["HEAD"]);
    assert_eq!(candidates("refs/pull/1/head"), ["refs/pull/1/head"]);
    assert_eq!(candidates("heads/x"), ["refs/heads/heads/x", "refs/tags/heads/x", "refs/heads/x"]);
    for bad in ["", "a b", "main\n", "main^", "a..b", "a:b", "x@{1}", &"a".repeat(2000)] {
        assert!(candidates(bad).is_empty(), "{bad:?}");
    }
}

#[test]
fn a_full_id_is_the_commit_itself() {
    let resolved = commit_id(&"A".repeat(40)).unwrap().unwrap();
    assert_eq!((resolved.commit, resolved.kind), (id('a'), RefKind::Commit));
    assert_eq!(commit_id("main").unwrap(), None);
    assert_eq!(commit_id(&"a".repeat(39)).unwrap(), None);
    assert!(commit_id(&"a".repeat(64)).unwrap_err().to_string().contains("SHA-256"));
}

#[test]
fn an_unknown_name_brings_the_three_most_like_it() {
    let names = [
        "refs/heads/main",
        "refs/heads/Mian",
        "refs/heads/mainline",
        "refs/tags/main",
        "refs/heads/maim",
        "refs/heads/production",
        "refs/pull/main",
    ];
    assert_eq!(similar("mian", &names), ["Mian", "main", "maim"]);
    assert_eq!(similar("mainn", &names), ["main", "Mian", "maim"]);
    assert_eq!(similar("refs/heads/prodution", &names), ["production"]);
    assert_eq!(similar("release", &["refs/heads/release/8.3"]), ["release/8.3"]);
    assert_eq!(similar("v1.0", &["refs/tags/1.0"]), ["1.0"]);
    assert!(similar("zzz", &names).is_empty());
}

#[test]
fn no_refs_at_all_is_an_empty_repository() {
    assert!(matches!(Picker::new("main").not_found(), Error::EmptyRepository));
}

#[test]
fn the_beginning_of_an_id_is_recognised() {
    let error = picker("9daeafb", &["refs/heads/main"]).not_found();
    assert!(error.to_string().contains("all forty digits"), "{error}");
}

#[test]
fn fifty_thousand_refs_leave_three_in_memory() {
    let mut picker = Picker::new("feature-25000x");
    for number in 0..50_000 {
        picker.see(line(&format!("refs/heads/feature-{number}"), '1'));
    }
    assert_eq!(picker.similar.best.len(), 3);
    assert_eq!(picker.similar.best[0].1, "feature-25000");
}
