use crate::support::*;
use stoker_sync::{Mapping, Patch, Trust};

const VIEW: (&str, &str) = ("s/r/view.json", "{\"site\":\"{{ .Vars.site }}\",\"n\":1}");
const IMAGE: (&str, &str) = ("s/r/image.png", "png");

/// The manifest that fits these files of the repository.
fn manifest(body: &str, files: &[(&str, &str)]) -> String {
    let of = |name: &str| files.iter().find(|(path, _)| path.rsplit('/').next() == Some(name));
    sign(body, &mut |name| of(name).map(|(_, content)| (*content).to_owned())).unwrap()
}

/// Renders `view.json` alone: the manifest beside it is no template.
fn view_only(patch: &str) -> Mapping {
    let set = [("n".to_owned(), patch.to_owned())].into();
    Mapping { patches: vec![Patch { file: Some("**/view.json".to_owned()), set }], ..map("s", "d") }
}

fn templated() -> Mapping {
    Mapping { template: true, ..map("s", "d") }
}

fn fits(gateway: &Gateway) -> bool {
    let bytes = gateway.read("d/r/resource.json");
    let found = sign(&bytes, &mut |name| Some(gateway.read(&format!("d/r/{name}"))));
    found.as_deref() == Some(bytes.as_str())
}

fn nothing_to_do(gateway: &Gateway, repo: &mut Repo, wanted: &stoker_sync::Desired) {
    let plan = gateway.volume().plan(wanted, repo, &TestRules, Trust::Nothing).unwrap();
    assert!(plan.is_nothing(), "{:?}", plan.summary);
}

#[test]
fn a_manifest_is_signed_anew_when_only_a_file_beside_it_is_patched() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let signed = manifest("files=view.json,image.png", &[VIEW, IMAGE]);
    let commit = repo.commit(&[VIEW, IMAGE, ("s/r/resource.json", &signed)]);
    let wanted = desired(&commit, vec![view_only("2")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert!(gateway.read("d/r/view.json").ends_with("\"n\":2}"));
    assert_ne!(gateway.read("d/r/resource.json"), signed);
    assert!(fits(&gateway), "{}", gateway.read("d/r/resource.json"));
    nothing_to_do(&gateway, &mut repo, &wanted);
}

#[test]
fn a_signature_that_fitted_nothing_before_stays_as_it_is() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    for stale in ["files=view.json actor 0123", "files=view.json,gone actor 0123", "no signature", ""] {
        let commit = repo.commit(&[VIEW, ("s/r/resource.json", stale)]);
        let wanted = desired(&commit, vec![view_only("2")]);
        sync(&gateway, &mut repo, &wanted).unwrap();
        assert_eq!(gateway.read("d/r/resource.json"), stale);
        nothing_to_do(&gateway, &mut repo, &wanted);
    }
}

#[test]
fn a_rendered_manifest_is_signed_over_its_rendered_text() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let signed = manifest("site={{.Vars.site}} files=image.png", &[IMAGE]);
    let commit = repo.commit(&[IMAGE, ("s/r/resource.json", &signed)]);
    let wanted = desired(&commit, vec![templated()]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert!(gateway.read("d/r/resource.json").starts_with("site=south files"));
    assert!(fits(&gateway));
    nothing_to_do(&gateway, &mut repo, &wanted);
}

#[test]
fn a_manifest_that_alone_changes_is_signed_over_what_is_there_and_nothing_else_is_written() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let first = manifest("files=view.json,image.png", &[VIEW, IMAGE]);
    let commit = repo.commit(&[VIEW, IMAGE, ("s/r/resource.json", &first)]);
    sync(&gateway, &mut repo, &desired(&commit, vec![view_only("2")])).unwrap();
    let second = manifest("title files=view.json,image.png", &[VIEW, IMAGE]);
    let commit = repo.commit(&[VIEW, IMAGE, ("s/r/resource.json", &second)]);
    let wanted = desired(&commit, vec![view_only("2")]);
    let (applied, _) = sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(applied.written, 1, "the manifest");
    assert!(gateway.read("d/r/resource.json").starts_with("title ") && fits(&gateway));
    nothing_to_do(&gateway, &mut repo, &wanted);
}

#[test]
fn a_changed_variable_or_sibling_brings_a_new_signature() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let signed = manifest("files=view.json,image.png", &[VIEW, IMAGE]);
    let commit = repo.commit(&[VIEW, IMAGE, ("s/r/resource.json", &signed)]);
    let mut wanted = desired(&commit, vec![templated()]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    let before = gateway.read("d/r/resource.json");
    wanted.data.vars.insert("site".to_owned(), "north".to_owned());
    let (applied, _) = sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!(applied.written, 2);
    assert!(gateway.read("d/r/resource.json") != before && fits(&gateway));
    nothing_to_do(&gateway, &mut repo, &wanted);

    // A sibling that is no template of anything.
    let image = ("s/r/image.png", "other png");
    let signed = manifest("files=view.json,image.png", &[VIEW, image]);
    let commit = repo.commit(&[VIEW, image, ("s/r/resource.json", &signed)]);
    let wanted = desired(&commit, vec![view_only("2")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert!(gateway.read("d/r/image.png") == "other png" && fits(&gateway));
    nothing_to_do(&gateway, &mut repo, &wanted);
}

#[test]
fn a_file_that_shows_the_commit_is_signed_at_every_commit_and_only_then() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let view = ("s/r/view.json", "{{ .Commit }}");
    let signed = manifest("files=view.json", &[view]);
    for extra in ["1", "2"] {
        let commit = repo.commit(&[view, ("s/r/resource.json", &signed), ("s/other", extra)]);
        let wanted = desired(&commit, vec![templated()]);
        sync(&gateway, &mut repo, &wanted).unwrap();
        assert_eq!(gateway.read("d/r/view.json"), commit.id.to_string());
        assert!(fits(&gateway));
        nothing_to_do(&gateway, &mut repo, &wanted);
    }
}

#[test]
fn a_commit_that_leaves_a_signed_resource_alone_does_not_fetch_it_again() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let signed = manifest("files=view.json,image.png", &[VIEW, IMAGE]);
    let commit = repo.commit(&[VIEW, IMAGE, ("s/r/resource.json", &signed), ("s/x", "1")]);
    sync(&gateway, &mut repo, &desired(&commit, vec![templated()])).unwrap();
    let commit = repo.commit(&[VIEW, IMAGE, ("s/r/resource.json", &signed), ("s/x", "2")]);
    let (applied, summary) = sync(&gateway, &mut repo, &desired(&commit, vec![templated()])).unwrap();
    assert_eq!((applied.written, summary.modified), (1, 1), "{summary:?}");
}

#[test]
fn a_manifest_that_the_gateway_rewrote_is_no_drift_and_a_lost_one_comes_back_signed() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let signed = manifest("files=view.json", &[VIEW]);
    let commit = repo.commit(&[VIEW, ("s/r/resource.json", &signed)]);
    let mut wanted = desired(&commit, vec![view_only("2")]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    let ours = gateway.read("d/r/resource.json");
    gateway.put("d/r/resource.json", &format!("{ours} of the gateway"));
    nothing_to_do(&gateway, &mut repo, &wanted);
    gateway.remove("d/r/resource.json");
    wanted.restore = true;
    let (applied, _) = sync(&gateway, &mut repo, &wanted).unwrap();
    assert_eq!((applied.written, gateway.read("d/r/resource.json")), (1, ours));
    nothing_to_do(&gateway, &mut repo, &wanted);
}

#[test]
fn a_manifest_names_only_files_beside_itself() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    gateway.put("secret", "x");
    for name in ["../../secret", "/etc/passwd", ".", ""] {
        let body = format!("files={name}");
        let signed = sign(&body, &mut |_| Some("x".to_owned())).unwrap();
        let commit = repo.commit(&[VIEW, ("s/r/resource.json", &signed)]);
        sync(&gateway, &mut repo, &desired(&commit, vec![view_only("2")])).unwrap();
        assert_eq!(gateway.read("d/r/resource.json"), signed, "{name:?}");
    }
}

#[test]
fn one_overlaid_payload_is_signed_with_the_others() {
    let (gateway, mut repo) = (Gateway::new(), Repo::default());
    let signed = manifest("files=image.png,view.json", &[VIEW, IMAGE]);
    let commit = repo.commit(&[
        VIEW,
        IMAGE,
        ("s/r/resource.json", &signed),
        ("site/r/view.json", "{\"n\":0}"),
        ("site/r/resource.json", &manifest("files=view.json", &[("view.json", "{\"n\":0}")])),
    ]);
    let overlay = Mapping { source: "site".to_owned(), ..view_only("3") };
    let wanted = desired(&commit, vec![map("s", "d"), overlay]);
    sync(&gateway, &mut repo, &wanted).unwrap();
    assert!(gateway.read("d/r/view.json") == "{\"n\":3}" && fits(&gateway));
    nothing_to_do(&gateway, &mut repo, &wanted);
}
