//! AZ-2: certificates that prove nothing, each refused in a real handshake with its own reason; and good ones beside
//! them, so that refusing everything would not pass.

use std::collections::BTreeSet;

use grid_tls::{Failed, IdFault, Refused};
use rcgen::{
    BasicConstraints, CustomExtension, DnType, ExtendedKeyUsagePurpose as Purpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose as Usage, NameConstraints, SanType, SerialNumber, date_time_ymd,
};

use crate::kit::{Authority, Desk, Shown, between, list, params, root, root_params, shake, svid, talks, uri};

const ID: &str = "spiffe://dev.local/caller/alice";

/// The authorities of the test, and what they have vouched for.
struct World {
    desk: Desk,
    dev: Authority,
    /// Under `dev`, as a SPIRE server has them.
    below: Authority,
    other: Authority,
    partners: Authority,
}

impl World {
    fn new() -> Self {
        let (dev, other, partners) = (root("dev"), root("other"), root("partners"));
        let mut below = root_params("below dev");
        below.subject_alt_names = vec![uri("spiffe://dev.local")];
        below.serial_number = Some(SerialNumber::from(70));
        let below = between(below, &dev);
        let desk = Desk::new()
            .bundle("spiffe://dev.local", &[&dev])
            .bundle("spiffe://other.test", &[&other])
            .bundle("partners", &[&partners]);
        Self { desk, dev, below, other, partners }
    }

    fn dev(&self, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Shown {
        let mut params = svid(ID);
        change(&mut params);
        Shown::signed(&params, &self.dev)
    }
}

type Case = (String, Shown, Refused);

fn case(name: &str, shown: Shown, refused: Refused) -> Case {
    (name.to_owned(), shown, refused)
}

fn names(world: &World) -> Vec<Case> {
    let named = |names: Vec<SanType>| world.dev(|params| params.subject_alt_names = names);
    let dns = || SanType::DnsName("alice.dev.local".try_into().unwrap());
    let mut cases = vec![
        case("two ids of one domain", named(vec![uri(ID), uri("spiffe://dev.local/b")]), Refused::UriNames(2)),
        case("two ids of two domains", named(vec![uri("spiffe://other.test/a"), uri(ID)]), Refused::UriNames(2)),
        case("the same id twice", named(vec![uri(ID), uri(ID)]), Refused::UriNames(2)),
        case("an id and a URL", named(vec![uri(ID), uri("https://dev.local/")]), Refused::UriNames(2)),
        case("a URL and an id", named(vec![uri("https://dev.local/"), uri(ID)]), Refused::UriNames(2)),
        case("an id in capitals beside one", named(vec![uri(ID), uri("SPIFFE://dev.local/b")]), Refused::UriNames(2)),
        // These are none of SPIFFE, and the authority of dev.local vouches for nothing else.
        case("no name at all", named(vec![]), Refused::UnknownIssuer("partners".into())),
        case("a DNS name alone", named(vec![dns()]), Refused::UnknownIssuer("partners".into())),
        case("a URL alone", named(vec![uri("https://dev.local/a")]), Refused::UnknownIssuer("partners".into())),
        case(
            "a mail address alone",
            named(vec![SanType::Rfc822Name("a@dev.local".try_into().unwrap())]),
            Refused::UnknownIssuer("partners".into()),
        ),
        case(
            "another domain",
            named(vec![uri("spiffe://nobody.test/a")]),
            Refused::UnknownDomain("nobody.test".into()),
        ),
        case(
            "a domain below",
            named(vec![uri("spiffe://x.dev.local/a")]),
            Refused::UnknownDomain("x.dev.local".into()),
        ),
        case("a domain above", named(vec![uri("spiffe://local/a")]), Refused::UnknownDomain("local".into())),
        case(
            "a domain with a dot",
            named(vec![uri("spiffe://dev.local./a")]),
            Refused::UnknownDomain("dev.local.".into()),
        ),
    ];
    let tricks = [
        ("spiffe://dev.local", IdFault::NoPath),
        ("spiffe://dev.local/", IdFault::EmptySegment),
        ("spiffe://dev.local//caller/alice", IdFault::EmptySegment),
        ("spiffe://dev.local/caller/alice/", IdFault::EmptySegment),
        ("spiffe://dev.local/caller/bob/../alice", IdFault::DotSegment),
        ("spiffe://dev.local/./caller/alice", IdFault::DotSegment),
        ("spiffe://dev.local/caller%2Falice", IdFault::Character),
        ("spiffe://dev.local/caller/%61lice", IdFault::Character),
        ("spiffe://dev.local/caller/alice?x=1", IdFault::Character),
        ("spiffe://dev.local/caller/alice#x", IdFault::Character),
        ("spiffe://dev.local/caller/al ice", IdFault::Character),
        ("spiffe://dev.local/caller\\alice", IdFault::Character),
        ("spiffe://dev.local/caller/alice\n", IdFault::Character),
        ("spiffe://dev.local/caller/alice\0", IdFault::Character),
        ("spiffe://dev.local/caller/alice:1", IdFault::Character),
        ("spiffe://Dev.local/caller/alice", IdFault::TrustDomain),
        ("spiffe://dev.local:443/caller/alice", IdFault::TrustDomain),
        ("spiffe://root@dev.local/caller/alice", IdFault::TrustDomain),
        ("spiffe://dev%2elocal/caller/alice", IdFault::TrustDomain),
        ("spiffe:///caller/alice", IdFault::TrustDomain),
        ("SPIFFE://dev.local/caller/alice", IdFault::Scheme),
        ("Spiffe://dev.local/caller/alice", IdFault::Scheme),
        ("spiffe:/dev.local/caller/alice", IdFault::Scheme),
        ("spiffe:dev.local/caller/alice", IdFault::Scheme),
    ];
    for (id, fault) in tricks {
        cases.push(case(&format!("{id:?}"), named(vec![uri(id)]), Refused::SpiffeId(fault)));
    }
    let long = format!("spiffe://dev.local/{}", "a".repeat(2_048));
    cases.push(case("a long id", named(vec![uri(&long)]), Refused::SpiffeId(IdFault::TooLong)));
    cases
}

fn purposes(world: &World) -> Vec<Case> {
    let used = |usages: Vec<Usage>| world.dev(|params| params.key_usages = usages);
    let meant = |purposes: Vec<Purpose>| world.dev(|params| params.extended_key_usages = purposes);
    vec![
        case(
            "an authority as a leaf",
            world.dev(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            Refused::Authority,
        ),
        case(
            "an authority that may sign nobody",
            world.dev(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
            Refused::Authority,
        ),
        case("keyCertSign", used(vec![Usage::DigitalSignature, Usage::KeyCertSign]), Refused::SigningUsage),
        case("cRLSign", used(vec![Usage::DigitalSignature, Usage::CrlSign]), Refused::SigningUsage),
        case("keyEncipherment alone", used(vec![Usage::KeyEncipherment]), Refused::NoSignatureUsage),
        case("keyAgreement alone", used(vec![Usage::KeyAgreement]), Refused::NoSignatureUsage),
        case("serverAuth", meant(vec![Purpose::ServerAuth]), Refused::Purpose),
        case("codeSigning", meant(vec![Purpose::CodeSigning]), Refused::Purpose),
        case("emailProtection", meant(vec![Purpose::EmailProtection]), Refused::Purpose),
        case("timeStamping", meant(vec![Purpose::TimeStamping]), Refused::Purpose),
        case("OCSPSigning", meant(vec![Purpose::OcspSigning]), Refused::Purpose),
        case("any purpose", meant(vec![Purpose::Any]), Refused::Purpose),
        case(
            "an extension that nobody knows and that is critical",
            world.dev(|params| {
                let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
                extension.set_criticality(true);
                params.custom_extensions = vec![extension];
            }),
            Refused::Chain("UnsupportedCriticalExtension".into()),
        ),
        case(
            "names twice",
            world.dev(|params| {
                let name = ID.as_bytes();
                let mut content =
                    vec![0x30, u8::try_from(name.len()).unwrap() + 2, 0x86, u8::try_from(name.len()).unwrap()];
                content.extend_from_slice(name);
                params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 17], content)];
            }),
            Refused::Unreadable,
        ),
    ]
}

fn times(world: &World) -> Vec<Case> {
    let good = |from: (i32, u8, u8), to: (i32, u8, u8)| {
        world.dev(|params| {
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(to.0, to.1, to.2);
        })
    };
    vec![
        case("expired long ago", good((2020, 1, 1), (2021, 1, 1)), Refused::Expired),
        case("expired this moment", good((2025, 1, 1), (2026, 1, 1)), Refused::Expired),
        case("of tomorrow", good((2026, 1, 2), (2027, 1, 1)), Refused::NotYet),
        case("of another century", good((2125, 1, 1), (2127, 1, 1)), Refused::NotYet),
        case("over before it begins", good((2026, 6, 1), (2025, 6, 1)), Refused::NotYet),
    ]
}

fn chains(world: &World) -> Vec<Case> {
    let unknown = |bundle: &str| Refused::UnknownIssuer(bundle.into());
    let leaf = |by: &Authority| Shown::signed(&svid(ID), by);
    let below = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = root_params("below");
        change(&mut params);
        between(params, &world.dev)
    };
    let alone = KeyPair::generate().unwrap();
    let own = Shown { chain: vec![svid(ID).self_signed(&alone).unwrap().der().clone()], key: alone.into() };
    let narrow = below(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let deeper = between(root_params("deeper"), &narrow);
    let old = below(&|params| params.not_after = date_time_ymd(2025, 6, 1));
    let mute = below(&|params| params.key_usages = vec![Usage::CrlSign]);
    let foreign = below(&|params| params.subject_alt_names = vec![uri("spiffe://other.test")]);
    let workload = below(&|params| params.subject_alt_names = vec![uri("spiffe://dev.local/ca")]);
    let servers = below(&|params| params.extended_key_usages = vec![Purpose::ServerAuth]);
    let named = below(&|params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.test".into())],
            excluded_subtrees: vec![],
        });
    });
    let elsewhere = {
        let mut params = svid(ID);
        params.subject_alt_names.push(SanType::DnsName("alice.dev.local".try_into().unwrap()));
        Shown::signed(&params, &named).with([&named])
    };
    let no_authority = below(&|params| {
        params.is_ca = IsCa::NoCa;
        params.key_usages = vec![Usage::DigitalSignature];
    });
    let all: Vec<&Authority> = vec![&world.below; 9];
    vec![
        case("signed by itself", own, unknown("dev.local")),
        case("an authority of the same name", leaf(&root("dev")), Refused::Signature),
        case("an authority of nobody", leaf(&root("nobody")), unknown("dev.local")),
        case("dev.local by the authority of other.test", leaf(&world.other), unknown("dev.local")),
        case("dev.local by the authority of partners", leaf(&world.partners), unknown("dev.local")),
        case(
            "other.test by the authority of dev.local",
            Shown::signed(&svid("spiffe://other.test/a"), &world.dev),
            unknown("other.test"),
        ),
        case("nobody between", leaf(&world.below), unknown("dev.local")),
        case("the wrong one between", leaf(&world.below).with([&narrow]), unknown("dev.local")),
        case("too many between", leaf(&world.below).with(all), Refused::TooMany(8)),
        case(
            "one too deep",
            leaf(&deeper).with([&deeper, &narrow]),
            Refused::Intermediate("it may not sign for another authority"),
        ),
        case("one that has expired", leaf(&old).with([&old]), Refused::Intermediate("it has expired")),
        case(
            "one that is no authority",
            leaf(&no_authority).with([&no_authority]),
            Refused::Intermediate("it is no authority"),
        ),
        case(
            "one that may not sign",
            leaf(&mute).with([&mute]),
            Refused::Intermediate("its key usage does not let it sign certificates"),
        ),
        case(
            "one of another domain",
            leaf(&foreign).with([&foreign]),
            Refused::Intermediate("it names another trust domain, or a workload"),
        ),
        case(
            "a workload between",
            leaf(&workload).with([&workload]),
            Refused::Intermediate("it names another trust domain, or a workload"),
        ),
        case("one for servers alone", leaf(&servers).with([&servers]), Refused::Purpose),
        case("one for other names", elsewhere, Refused::Intermediate("the name is outside what it may vouch for")),
        case(
            "bytes that are no certificate",
            leaf(&world.dev).bytes(|der| *der = b"certificate".to_vec()),
            Refused::Unreadable,
        ),
        case("half of one", leaf(&world.dev).bytes(|der| der.truncate(der.len() / 2)), Refused::Unreadable),
        case("a byte more", leaf(&world.dev).bytes(|der| der.push(0)), Refused::Unreadable),
        case("another id under an old signature", leaf(&world.dev).bytes(|der| rename(der)), Refused::Signature),
    ]
}

/// Alice becomes admin, and the signature stays.
fn rename(der: &mut [u8]) {
    let place = der.windows(5).position(|window| window == b"alice").unwrap();
    der[place..place + 5].copy_from_slice(b"admin");
}

async fn refusal(world: &World, shown: &Shown) -> Option<Refused> {
    let tls = world.desk.open();
    let (accepted, client) = shake(&tls, world.desk.client(shown)).await;
    match accepted {
        Ok(mut secured) => {
            assert!(talks(&mut secured, &mut client.unwrap()).await);
            None
        }
        Err(Failed::Certificate(refused)) => {
            assert_eq!(tls.failures(), 1);
            Some(refused)
        }
        Err(other) => panic!("no reason: {other}"),
    }
}

#[tokio::test]
async fn every_bad_certificate_is_refused_with_its_reason() {
    let world = World::new();
    let cases: Vec<Case> = [names(&world), purposes(&world), times(&world), chains(&world)].concat();
    assert!(cases.len() >= 70, "{}", cases.len());
    let different: BTreeSet<&str> = cases.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(different.len(), cases.len());
    let mut wrong = Vec::new();
    for (name, shown, want) in &cases {
        let found = refusal(&world, shown).await;
        if found.as_ref() != Some(want) {
            wrong.push(format!("{name}: {found:?}, and not {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn revoked_certificates_and_lists_that_cannot_be_trusted_are_refused() {
    let with = |world: World, text: String| World { desk: world.desk.revoked(&text), ..world };
    let numbered =
        |serial: u64| move |params: &mut rcgen::CertificateParams| params.serial_number = Some(serial.into());

    let world = World::new();
    let text = list(&world.dev, 7, 2027);
    let world = with(world, text);
    assert_eq!(refusal(&world, &world.dev(numbered(7))).await, Some(Refused::Revoked));
    assert_eq!(refusal(&world, &world.dev(numbered(8))).await, None);
    let foreign = Shown::signed(&svid("spiffe://other.test/a"), &world.other);
    assert_eq!(refusal(&world, &foreign).await, None, "an authority without a list revokes nothing");

    // One between is revoked as well as a leaf.
    let world = World::new();
    let text = list(&world.dev, 70, 2027);
    let world = with(world, text);
    let shown = Shown::signed(&svid(ID), &world.below).with([&world.below]);
    assert_eq!(refusal(&world, &shown).await, Some(Refused::Revoked));

    // Nobody can say what is on the list today.
    let world = World::new();
    let text = list(&world.dev, 7, 2026);
    let world = with(world, text);
    let old = Refused::Revocation("the revocation list is out of date".into());
    assert_eq!(refusal(&world, &world.dev(numbered(8))).await, Some(old));

    // A list of somebody who has the authority's name and not its key.
    let world = World::new();
    let world = with(world, list(&root("dev"), 8, 2027));
    assert!(matches!(refusal(&world, &world.dev(numbered(8))).await, Some(Refused::Revocation(_))));
}

#[tokio::test]
async fn an_authority_of_the_bundle_that_has_expired_vouches_for_nobody() {
    let mut old = root_params("old");
    old.not_after = date_time_ymd(2025, 6, 1);
    let old = Authority::self_signed(old, KeyPair::generate().unwrap()).unwrap();
    let desk = Desk::new().bundle("spiffe://dev.local", &[&old]);
    let world = World { desk, dev: old, ..World::new() };
    let shown = Shown::signed(&svid(ID), &world.dev);
    assert_eq!(refusal(&world, &shown).await, Some(Refused::Intermediate("it is not within its times")));
}

#[tokio::test]
async fn good_certificates_say_whose_they_are() {
    let world = World::new();
    let (tls, below) = (world.desk.open(), Shown::signed(&svid(ID), &world.below).with([&world.below]));
    let (accepted, client) = shake(&tls, world.desk.client(&below)).await;
    let mut secured = accepted.unwrap();
    assert!(talks(&mut secured, &mut client.unwrap()).await);
    let peer = secured.certificate.unwrap();
    assert_eq!(
        (peer.spiffe_id.as_str(), peer.trust_domain.as_str(), peer.common_name.as_str()),
        (ID, "dev.local", "workload")
    );
    assert_eq!((peer.not_before_ms, peer.not_after_ms), (1_735_689_600_000, 1_798_761_600_000));
    assert_ne!(peer.thumbprint, [0; 32]);

    let mut plain = params("billing");
    plain.subject_alt_names = vec![SanType::DnsName("billing.partners.test".try_into().unwrap())];
    plain.distinguished_name.push(DnType::OrganizationName, "partners");
    let (accepted, _client) = shake(&tls, world.desk.client(&Shown::signed(&plain, &world.partners))).await;
    let peer = accepted.unwrap().certificate.unwrap();
    assert_eq!(
        (peer.spiffe_id.as_str(), peer.trust_domain.as_str(), peer.common_name.as_str()),
        ("", "partners", "billing")
    );
    assert_eq!(peer.dns_names, ["billing.partners.test"]);

    let (accepted, _client) = shake(&tls, world.desk.stranger()).await;
    assert!(matches!(accepted, Err(Failed::Handshake(_))), "a certificate is required");
}

#[tokio::test]
async fn a_certificate_that_is_optional_must_hold_all_the_same() {
    let world = World::new();
    let settings = grid_tls::Settings { clients: grid_tls::Clients::Optional, ..world.desk.settings() };
    let tls = grid_tls::Tls::open(settings, world.desk.shared_clock()).unwrap();
    let (accepted, _client) = shake(&tls, world.desk.stranger()).await;
    assert!(accepted.unwrap().certificate.is_none());
    let (accepted, _client) = shake(&tls, world.desk.client(&Shown::signed(&svid(ID), &world.other))).await;
    assert!(matches!(accepted, Err(Failed::Certificate(Refused::UnknownIssuer(_)))));
}
