use super::*;

#[test]
fn algorithms_are_offered_in_the_order_of_the_file() {
    let known = |lines: &str| {
        let identity =
            Identity { host: Host::new("h", 22), known: Some((KnownHosts::new(lines), String::new())) };
        identity.algorithms().iter().map(|algorithm| algorithm.as_str().to_owned()).collect::<Vec<_>>()
    };
    let rsa = "h ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=\n";
    let ecdsa = "h ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ=\n";
    let offered = known(&format!("{rsa}{ecdsa}"));
    assert_eq!(offered[..3], ["rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp384"]);
    assert_eq!(offered[3], "ssh-ed25519", "others follow, so that a changed key can be told");
    assert_eq!(known("")[0], "ssh-ed25519");
    assert!(!known(rsa).iter().any(|name| name == "ssh-rsa"), "no SHA-1");
}

#[test]
fn certificates_are_asked_for_only_where_an_authority_is_known() {
    let identity = |text: &str| Identity {
        host: Host::new("h", 22),
        known: Some((KnownHosts::new(text), String::new())),
    };
    let line = "h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
    assert!(identity(line).certificates().is_empty());
    assert!(!identity(&format!("@cert-authority {line}")).certificates().is_empty());
    assert!(Identity { host: Host::new("h", 22), known: None }.certificates().is_empty());
}
