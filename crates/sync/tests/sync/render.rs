use crate::support::*;
use stoker_sync::{Mapping, Patch, Trust};

fn templated(source: &str, destination: &str) -> Mapping {
    Mapping { template: true, ..map(source, destination) }
}

fn patched(source: &str, destination: &str, file: Option<&str>, set: &[(&str, &str)]) -> Mapping {
    let set = set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    Mapping { patches: vec![Patch { file: file.map(str::to_owned), set }], ..map(source, destination) }
}

#[test]
fn paths_and_contents_are_rendered_with_the_gateways_own_values() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[(
        "sites/south/x.json",
        "{\"name\": \"{{ .GatewayName }}\", \"site\": \"{{ .Vars.site }}\"}",
    )]);
    let wanted = desired(&commit, vec![templated("sites/{{ .Vars.site }}", "out/{{ .GatewayName }}")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(
        gateway.files(),
        expected(&[("out/press-3/x.json", "{\"name\": \"press-3\", \"site\": \"south\"}")])
    );
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "what was rendered once is not rendered again: {:?}", plan.summary);
}

#[test]
fn a_changed_variable_renders_again_and_only_what_differs_is_written() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", "{{ .Vars.site }}"), ("s/b", "{{ .GatewayName }}"), ("s/c", "plain")]);
    let mut wanted = desired(&commit, vec![templated("s", "d")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    wanted.data.vars.insert("site".to_owned(), "north".to_owned());
    let (applied, _) = sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(applied.written, 1);
    assert_eq!(gateway.files(), expected(&[("d/a", "north"), ("d/b", "press-3"), ("d/c", "plain")]));
}

#[test]
fn only_what_shows_the_commit_is_rendered_again_at_a_new_one() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let files = [("s/a", "{{ .Commit }}"), ("s/b", "{{ .GatewayName }}")];
    let first = repo.commit(&files);
    sync(&gateway, &mut repo, &desired(&first, vec![templated("s", "d")])).unwrap();
    let second = repo.commit(&[files[0], files[1], ("s/c", "new")]);
    let wanted = desired(&second, vec![templated("s", "d")]);
    let plan = gateway.volume().plan(&wanted, &mut repo, &TestRules, Trust::Nothing).unwrap();
    assert_eq!((plan.summary.modified, plan.summary.added), (1, 1));
    drop(plan);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(gateway.read("d/a"), second.id.to_string());
}

#[test]
fn a_rendered_file_that_vanished_comes_back_from_its_source() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a", "{{ .GatewayName }}"), ("s/b", "x")]);
    let mut wanted = desired(&commit, vec![templated("s", "d")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    gateway.remove("d/a");
    wanted.restore = true;
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(gateway.read("d/a"), "press-3");
}

#[test]
fn an_unknown_name_fails_with_file_and_place_and_nothing_is_written() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a.json", "{\n  {{ .Vars.sitee }}\n}")]);
    let error = sync(&gateway, &mut repo, &desired(&commit, vec![templated("s", "d")])).unwrap_err();
    assert_eq!(error.reason(), "TemplateFailed");
    let text = error.to_string();
    assert!(text.contains("d/a.json") && text.contains("2:") && text.contains("sitee"), "{text}");
    assert_eq!(gateway.files(), expected(&[]));
}

#[test]
fn a_binary_file_is_no_template() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a.png", "\0png")]);
    let error = sync(&gateway, &mut repo, &desired(&commit, vec![templated("s", "d")])).unwrap_err();
    assert!(error.to_string().contains("NUL byte"), "{error}");
}

#[test]
fn patches_edit_in_place_after_rendering() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[
        ("s/a.json", "{\n  \"keep\": 1.50,\n  \"port\": 1\n}\n"),
        ("s/sub/b.json", "{\"port\":1}"),
        ("s/c.txt", "no json"),
    ]);
    let mapping = patched("s", "d", Some("**/*.json"), &[("port", "8088"), ("name", "{{ .GatewayName }}")]);
    sync(&gateway, &mut repo, &desired(&commit, vec![mapping])).unwrap();
    let patched = gateway.read("d/a.json");
    assert!(patched.starts_with("{\n  \"keep\": 1.50,\n  \"port\": 8088"), "{patched}");
    assert!(patched.contains("\"name\":\"press-3\""), "{patched}");
    assert_eq!(gateway.read("d/sub/b.json"), "{\"port\":8088,\"name\":\"press-3\"}");
    assert_eq!(gateway.read("d/c.txt"), "no json");
}

#[test]
fn a_patch_of_one_file_needs_no_pattern_and_of_a_directory_does() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a.json", "{}")]);
    let wanted = desired(&commit, vec![patched("s/a.json", "d.json", None, &[("x", "1")])]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(gateway.read("d.json"), "{\"x\":1}");
    let error = sync(&gateway, &mut repo, &desired(&commit, vec![patched("s", "d", None, &[("x", "1")])]))
        .unwrap_err();
    assert!(error.to_string().contains("needs \"file\""), "{error}");
}

#[test]
fn a_patch_of_what_is_no_json_fails_by_name() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let commit = repo.commit(&[("s/a.json", "{oops")]);
    let wanted = desired(&commit, vec![patched("s", "d", Some("a.json"), &[("x", "1")])]);
    let error = sync(&gateway, &mut repo, &wanted).unwrap_err();
    assert_eq!(error.reason(), "PatchFailed");
    assert!(error.to_string().contains("d/a.json"), "{error}");
    assert_eq!(gateway.files(), expected(&[]));
}

#[test]
fn a_large_document_is_patched_from_file_to_file() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let document = format!("{{\"tags\":[{}],\"port\":1}}", vec!["\"0123456789\""; 60_000].join(","));
    let commit = repo.commit(&[("s/a.json", document.as_str())]);
    let wanted = desired(&commit, vec![patched("s", "d", Some("a.json"), &[("port", "2"), ("tags.1", "x")])]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    let after = gateway.read("d/a.json");
    assert!(
        after.ends_with("],\"port\":2}")
            && after.starts_with("{\"tags\":[\"0123456789\",\"x\",\"0123456789\"")
    );
    assert_eq!(after.len(), document.len() - 9);
}
