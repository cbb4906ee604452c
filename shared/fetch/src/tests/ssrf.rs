//! Addresses that lead into private networks.

use super::*;

/// Hosts that are this machine, its network or its cloud, in every spelling that some parser accepts.
pub(super) const HOSTS: [&str; 84] = [
    // IPv4: dotted, short, decimal, octal, hexadecimal, mixed.
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7F.1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0x7f.0x0.0x0.0x1",
    "127.0x0.0.01",
    "00177.0.0.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "0x0",
    "127.255.255.254",
    // Characters that IDNA maps to digits and dots, and percent-encoding.
    "127。0。0。1",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127．0．0．1",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "%30",
    "127.0.0.%31",
    // IPv6, also with an IPv4 address in it: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:1::1]",
    "[2001:0:7f00:1::1]",
    "[2001::1]",
    "[2606:4700::5efe:7f00:1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    // Metadata and runtimes of clouds.
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "169.254.170.2",
    "169.254.100.1",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    // Private, carrier, benchmark, multicast, reserved.
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    // Names that only a local network knows.
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "ｌｏｃａｌｈｏｓｔ",
    "loc%61lhost",
    "printer.local",
    "metadata.google.internal",
    "host.docker.internal",
    "router.lan",
    "redis",
];

/// Whole addresses that some parser reads as another one. `PORT` is the canary's.
const ADDRESSES: [&str; 32] = [
    "http:\\\\127.0.0.1:PORT\\",
    "http:/127.0.0.1:PORT/",
    "http:127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "HTTP://127.0.0.1:PORT/",
    "127.0.0.1:PORT/",
    "127.0.0.1",
    "ht\ttp://127.0.0.1:PORT/",
    "http://127.0.\n0.1:PORT/",
    "http://127.0.0.1:PORT#@site.example/",
    "http://127.0.0.1:PORT?@site.example/",
    "http://127.0.0.1:PORT\\@site.example/",
    "http://site.example@127.0.0.1:PORT/",
    "http://site.example:80@127.0.0.1:PORT/",
    "http://me:secret@site.example/",
    "http://@127.0.0.1:PORT/",
    "http://[fe80::1%25lo]:PORT/",
    "http://[::1%lo]:PORT/",
    "http://127.0.0.1%00.site.example:PORT/",
    "http://127.0.0.1%09.site.example:PORT/",
    "http://site.example:22/",
    "http://site.example:25/",
    "http://site.example:6667/",
    "http://site.example:445/",
    "ftp://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_",
    "dict://127.0.0.1:PORT/",
    "data:text/html,x",
    "javascript:alert(1)",
    "//127.0.0.1:PORT/",
    "http://",
];

#[tokio::test]
async fn no_spelling_of_a_private_address_reaches_anything() {
    let net = Net::new(|_| page("a page")).await;
    let port = net.canary().port();
    for host in HOSTS {
        for url in [
            format!("http://{host}:{port}/"),
            format!("https://{host}:{port}/x?y"),
            format!("http://{host}/"),
        ] {
            assert_eq!(net.get(&url).await.err(), Some(FetchError::AddressNotAllowed), "{url}");
        }
    }
    for address in ADDRESSES {
        let url = address.replace("PORT", &port.to_string());
        let error = net.get(&url).await.unwrap_err();
        assert!(error.is_about_address(), "{url}: {error:?}");
    }
    net.assert_unreached("a spelling");
    assert_eq!(
        (net.connections(), net.names.1.load(Ordering::SeqCst)),
        (0, 0),
        "nothing was even resolved"
    );
}

#[tokio::test]
async fn a_name_with_any_private_address_is_refused() {
    let net = Net::new(|_| page("a page")).await;
    let private = [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "169.254.100.1",
        "100.64.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "fd00:ec2::254",
        "fe80::1",
        "224.0.0.1",
        "198.18.0.1",
    ];
    for address in private {
        for answer in [
            &[address][..],
            &["93.184.215.14", address],
            &[address, "93.184.215.14"],
            &["93.184.215.14", OTHER_SITE, address],
        ] {
            net.names.set("mixed.example", &[answer]);
            let error = net.get("http://mixed.example/").await.err();
            assert_eq!(error, Some(FetchError::AddressNotAllowed), "{answer:?}");
        }
    }
    net.assert_unreached("a name");
    assert_eq!(net.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_connected_to_where_it_was_checked() {
    let net = Net::new(|_| page("a page")).await;
    net.names.set("rebind.example", &[&["93.184.215.14"], &["127.0.0.1"]]);
    assert_eq!(net.get("http://rebind.example/").await.unwrap().bytes, "a page");
    assert_eq!(net.names.1.load(Ordering::SeqCst), 1, "one connection resolves once");
    // The next one resolves again, and is refused: no connection was kept.
    assert_eq!(
        net.get("http://rebind.example/").await.err(),
        Some(FetchError::AddressNotAllowed)
    );
    net.assert_unreached("the second answer");
    assert_eq!(net.connections(), 1);
}

#[tokio::test]
async fn a_rebinding_name_gains_nothing_by_many_attempts() {
    let net = Net::new(|_| redirect_to("http://rebind.example/again")).await;
    for round in 0..50 {
        net.names.set(
            "rebind.example",
            &[
                &["93.184.215.14"],
                &["169.254.169.254"],
                &["93.184.215.14", "127.0.0.1"],
            ],
        );
        let error = net.get(&format!("http://rebind.example/{round}")).await.err();
        assert_eq!(error, Some(FetchError::AddressNotAllowed));
    }
    net.assert_unreached("a rebinding name");
    assert_eq!(net.connections(), 50, "the first answers only");
}

#[tokio::test]
async fn public_names_in_any_spelling_are_read() {
    let net = Net::new(|_| page("a page")).await;
    net.names.set("xn--bcher-kva.example", &[&["93.184.215.14"]]);
    net.names.set("site.example.", &[&["93.184.215.14"]]);
    net.names.set("v6.example", &[&[OTHER_SITE]]);
    let spellings = [
        "http://site.example",
        "http://SITE.example/",
        "http://site.example.:80/".trim_end_matches(":80/"),
        "http://bücher.example/",
        "http://xn--bcher-kva.example/",
        "http://s%69te.example/",
        "http://v6.example/",
        " http://site.example/#part ",
    ];
    for url in spellings {
        let content = net.get(url).await.map(|content| content.bytes);
        assert_eq!(content.as_deref(), Ok(&b"a page"[..]), "{url}");
    }
    net.assert_unreached("a public name");
}

#[tokio::test]
async fn a_name_that_the_dns_does_not_know_is_not_found() {
    let net = Net::new(|_| page("a page")).await;
    net.names.set("empty.example", &[&[]]);
    for url in ["http://missing.example/", "http://empty.example/"] {
        assert_eq!(net.get(url).await.err(), Some(FetchError::HostNotFound), "{url}");
    }
}

#[test]
fn an_address_without_scheme_is_one_of_https() {
    let target =
        |text: &str| crate::Target::parse(text, &PrivateHosts::default()).map(|target| target.url().to_string());
    for (text, url) in [
        ("example.com", "https://example.com/"),
        ("example.com/a?b#c", "https://example.com/a?b"),
        ("example.com:8443/a", "https://example.com:8443/a"),
        ("http://example.com:80/", "http://example.com/"),
    ] {
        assert_eq!(target(text).as_deref(), Ok(url), "{text}");
    }
    for text in [
        "",
        " ",
        "hello world",
        "a/b.html",
        &format!("https://example.com/{}", "a".repeat(9_000)),
        "mailto:a@example.com",
        "http://exa mple.com/",
    ] {
        assert!(target(text).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn every_ipv4_address_is_judged_alike_in_all_spellings(bits: u32) {
        let ip = std::net::Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = ip.octets();
        let expected = crate::is_public(ip.into());
        let spellings = [
            ip.to_string(), bits.to_string(), format!("{bits:#x}"), format!("0{bits:o}"),
            format!("{a}.{}", bits & 0x00ff_ffff), format!("{a}.{b}.{}", bits & 0xffff), format!("{a:#x}.0{b:o}.{c}.{d:#x}."),
        ];
        for spelling in spellings {
            let parsed = crate::Target::parse(&format!("http://{spelling}/"), &PrivateHosts::default());
            proptest::prop_assert_eq!(parsed.is_ok(), expected, "{}", spelling);
        }
        for mapped in [ip.to_ipv6_mapped().to_string(), ip.to_ipv6_compatible().to_string(), format!("64:ff9b::{ip}"), format!("2002:{:x}:{:x}::1", bits >> 16, bits & 0xffff)] {
            let parsed = crate::Target::parse(&format!("http://[{mapped}]/"), &PrivateHosts::default());
            proptest::prop_assert_eq!(parsed.err(), Some(FetchError::AddressNotAllowed), "{}", mapped);
        }
    }

    #[test]
    fn any_text_is_an_address_or_an_error(text in "\\PC{0,60}") {
        let _ = crate::Target::parse(&text, &PrivateHosts::default());
        let _ = crate::Target::parse(&format!("http://{text}"), &PrivateHosts::default());
    }
}
