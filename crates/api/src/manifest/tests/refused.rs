use super::refusal;

#[test]
fn an_empty_file_is_named_so() {
    assert_eq!(refusal("# nothing\n"), "gatewaysync.yaml: is empty; it must hold one GatewaySync");
}
