use super::*;

fn bytes(text: &str) -> u64 {
    text.parse::<Quantity>().unwrap().bytes()
}

#[test]
fn quantities_are_read_as_kubernetes_reads_them() {
    let table = [
        ("0", 0),
        ("200", 200),
        ("1k", 1_000),
        ("500M", 500_000_000),
        ("2G", 2_000_000_000),
        ("256Mi", 256 << 20),
        ("1Gi", 1 << 30),
        ("1.5Gi", 3 << 29),
        ("0.5Ki", 512),
        ("1.0001k", 1_001),
        ("7Ei", 7 << 60),
    ];
    for (text, expected) in table {
        assert_eq!(bytes(text), expected, "{text}");
    }
}

#[test]
fn quantities_are_written_in_their_shortest_exact_form() {
    for (text, shown) in
        [("1024Mi", "1Gi"), ("256Mi", "256Mi"), ("1500", "1500"), ("0", "0"), ("1.5Gi", "1536Mi")]
    {
        let quantity: Quantity = text.parse().unwrap();
        assert_eq!(quantity.to_string(), shown);
        assert_eq!(shown.parse::<Quantity>().unwrap(), quantity);
        assert_eq!(serde_json::to_string(&quantity).unwrap(), format!("\"{shown}\""));
    }
}

#[test]
fn what_is_no_quantity_is_refused_with_the_remedy() {
    for text in [
        "",
        "Mi",
        "1 Mi",
        "1mi",
        "1K",
        "1MB",
        "100m",
        ".5Gi",
        "1.",
        "1.2.3",
        "0x10",
        "1e3",
        "1.0000000000000001Gi",
    ] {
        let message = text.parse::<Quantity>().expect_err(text).to_string();
        assert_eq!(
            message,
            format!(
                "{text:?} is not an amount of bytes; write a number with Ki, Mi, Gi, Ti, k, M, G, T or nothing, such as \"256Mi\""
            )
        );
    }
    assert_eq!(
        "-1Gi".parse::<Quantity>().unwrap_err().to_string(),
        "\"-1Gi\" is negative; write zero or more"
    );
    for text in ["8Ei", "9223372036854775808", "99999999999999999999"] {
        assert_eq!(
            text.parse::<Quantity>().expect_err(text).to_string(),
            format!("{text:?} is larger than 9223372036854775807 bytes, the largest amount there is")
        );
    }
}

#[test]
fn a_percentage_of_deletions_has_a_floor_and_a_count_has_none() {
    let quarter = MaxDeletes::default();
    assert_eq!(quarter.to_string(), "25%");
    assert_eq!(quarter.allowed(0), 50);
    assert_eq!(quarter.allowed(200), 50);
    assert_eq!(quarter.allowed(10_000), 2_500);
    assert_eq!(quarter.allowed(u64::MAX), u64::MAX / 100, "saturates");
    assert_eq!("0".parse::<MaxDeletes>().unwrap().allowed(10_000), 0);
    assert_eq!("12".parse::<MaxDeletes>().unwrap().allowed(10_000), 12);
}

#[test]
fn deletions_are_a_percentage_or_a_count_in_json() {
    for json in ["\"25%\"", "\"100%\"", "0", "300"] {
        let limit: MaxDeletes = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&limit).unwrap(), json);
    }
    assert_eq!(serde_json::from_str::<MaxDeletes>("\"300\"").unwrap(), MaxDeletes::Count(300));
    for json in ["\"0%\"", "\"101%\"", "\"%\"", "\"\"", "-1", "\"25 %\"", "\"+5%\""] {
        let message = serde_json::from_str::<MaxDeletes>(json).expect_err(json).to_string();
        assert!(message.contains("is not a limit on deletions"), "{json}: {message}");
    }
    let message = serde_json::from_str::<MaxDeletes>("1.5").expect_err("a fraction").to_string();
    assert!(message.contains("1.5 must be a whole number, or in quotes: \"1.5\""), "{message}");
}
