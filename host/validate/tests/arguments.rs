//! The stage validate: arguments against the host's own contract, every violation named, no value told.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

use std::sync::Arc;

use grid_core::{Code, Refusal, Stage};
use grid_testkit::{Scene, Strict};
use grid_validate::{CheckedCall, Session, check};

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"desk","required_roles":["*"],"function_declarations":[
    {"name":"order","description":"Orders.","parameters":{"type":"OBJECT","required":["item","count"],"properties":{
        "item":{"type":"STRING"},
        "count":{"type":"INTEGER"},
        "price":{"type":"NUMBER"},
        "gift":{"type":"BOOLEAN"},
        "size":{"type":"STRING","enum":["s","m","l"]},
        "tags":{"type":"ARRAY","items":{"type":"STRING"}},
        "to":{"type":"OBJECT","required":["street"],"properties":{"street":{"type":"STRING"},"number":{"type":"INTEGER"}}},
        "notes":{"type":"OBJECT"}}}},
    {"name":"free","description":"Takes anything.","parameters":{"type":"OBJECT"}},
    {"name":"none","description":"Takes nothing.","parameters":{"type":"OBJECT","properties":{}}},
    {"name":"large","description":"Takes much.","local":{"args_digest_only":true},"parameters":{"type":"OBJECT"}}]}]}"#;

struct Desk {
    scene: Scene<Strict>,
    session: Arc<Session>,
}

impl Desk {
    fn new() -> Self {
        let scene = Scene::strict(MANIFEST);
        let session = scene.session("agent", "demo", &[]);
        Self { scene, session }
    }

    async fn send(&self, name: &str, args: &str) -> Result<CheckedCall, Refusal> {
        let request = self.scene.request(name, args);
        check(self.scene.limited(&self.session, request).await)
    }

    async fn forwarded(&self, args: &str) -> String {
        self.send("order", args).await.unwrap().take_args()
    }

    /// Pointers of the violations, in order.
    async fn violations(&self, args: &str) -> Vec<String> {
        let refusal = self.send("order", args).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::InvalidToolArgs, Stage::Validate), "{args}");
        let listed = listed(&refusal);
        assert_eq!(detail(&refusal, "violation_count"), listed.len().to_string());
        let mut pointers: Vec<String> = listed.iter().map(|one| one["pointer"].as_str().unwrap().to_owned()).collect();
        pointers.sort();
        pointers
    }
}

fn detail<'a>(refusal: &'a Refusal, key: &str) -> &'a str {
    let found = refusal.details().iter().find(|(name, _)| *name == key);
    found.map(|(_, value)| value.as_str()).unwrap()
}

fn listed(refusal: &Refusal) -> Vec<serde_json::Value> {
    serde_json::from_str(detail(refusal, "violations")).unwrap()
}

#[tokio::test]
async fn each_violation_is_named_at_its_place() {
    let desk = Desk::new();
    for (args, pointer) in [
        (r#"{"item":"x"}"#, ""),
        ("{}", ""),
        ("[]", ""),
        ("null", ""),
        (r#"{"item":7,"count":1}"#, "/item"),
        (r#"{"item":null,"count":1}"#, "/item"),
        (r#"{"item":"x","count":"1"}"#, "/count"),
        (r#"{"item":"x","count":1.5}"#, "/count"),
        (r#"{"item":"x","count":9223372036854775808}"#, "/count"),
        (r#"{"item":"x","count":-9223372036854775809}"#, "/count"),
        (r#"{"item":"x","count":true}"#, "/count"),
        (r#"{"item":"x","count":1,"price":false}"#, "/price"),
        (r#"{"item":"x","count":1,"gift":"true"}"#, "/gift"),
        (r#"{"item":"x","count":1,"gift":0}"#, "/gift"),
        (r#"{"item":"x","count":1,"size":"S"}"#, "/size"),
        (r#"{"item":"x","count":1,"tags":["a",1]}"#, "/tags/1"),
        (r#"{"item":"x","count":1,"tags":{}}"#, "/tags"),
        (r#"{"item":"x","count":1,"to":{}}"#, "/to"),
        (r#"{"item":"x","count":1,"to":[]}"#, "/to"),
        (r#"{"item":"x","count":1,"to":{"street":"a","floor":2}}"#, "/to/floor"),
        (r#"{"item":"x","count":1,"Item":"x"}"#, "/Item"),
        (r#"{"item":"x","count":1,"a/b~c":"x"}"#, "/a~1b~0c"),
    ] {
        let pointers = desk.violations(args).await;
        assert!(!pointers.is_empty() && pointers.iter().all(|told| told == pointer), "{args}: {pointers:?}");
    }
}

#[tokio::test]
async fn all_violations_are_named_at_once() {
    let desk = Desk::new();
    let args = r#"{"count":"1","gift":1,"size":"xl","tags":[1,"a",2],"to":{"number":"x"},"extra":0}"#;
    assert_eq!(
        desk.violations(args).await,
        ["", "/count", "/extra", "/gift", "/size", "/tags/0", "/tags/2", "/to", "/to/number"]
    );
}

#[tokio::test]
async fn a_violation_says_what_would_have_been_right() {
    let refusal = Desk::new().send("order", r#"{"item":"x","count":1,"size":"xl"}"#).await.unwrap_err();
    let [violation] = &listed(&refusal)[..] else { panic!("{refusal:?}") };
    assert_eq!(violation["pointer"], "/size");
    assert_eq!(violation["rule"], "arguments.enum");
    assert_eq!(violation["expected"], r#"one of ["s","m","l"]"#);
    assert_eq!(violation["found"], "string(2)");
    assert!(refusal.message().starts_with("an argument of `order` does not fit its contract: /size: expected one of"));
}

#[tokio::test]
async fn many_violations_are_counted_and_the_first_of_them_told() {
    let tags = vec!["1"; 100].join(",");
    let refusal = Desk::new().send("order", &format!(r#"{{"item":"x","count":1,"tags":[{tags}]}}"#)).await.unwrap_err();
    assert_eq!(listed(&refusal).len(), 32);
    assert!(refusal.message().starts_with("100 arguments of `order` do not fit"), "{refusal}");
    assert_eq!(detail(&refusal, "violation_count"), "100");
}

#[tokio::test]
async fn no_value_of_an_argument_is_told() {
    let desk = Desk::new();
    let secret = "hunter2-canary";
    let bad = [
        format!(r#"{{"item":"x","count":"{secret}"}}"#),
        format!(r#"{{"item":"x","count":1,"size":"{secret}"}}"#),
        format!(r#"{{"item":["{secret}"],"count":1}}"#),
        format!(r#"{{"item":"x","count":1,"extra":"{secret}"}}"#),
        format!(r#"{{"item":"x","count":1,"to":{{"street":{{"a":"{secret}"}}}}}}"#),
        format!(r#"{{"item":"x","count":1,"tags":"{secret}"}}"#),
        format!(r#""{secret}""#),
        format!(r#"{{"item":"{secret}"#),
        format!(r#"{{"item":"{secret}",}}"#),
        format!(r#"{{"item":"{secret}","item":"{secret}"}}"#),
        format!(r#"{{"item":"{secret}\ud800"}}"#),
        format!(r#"{{"item":"x"}} {secret}"#),
        secret.to_owned(),
    ];
    for args in bad {
        let refusal = desk.send("order", &args).await.unwrap_err();
        let told = format!("{refusal} {refusal:?} {:?} {:?}", refusal.details(), refusal.internal());
        assert!(!told.contains(secret), "{args}\n{told}");
    }
    let number = desk.send("order", r#"{"item":"x","count":8675309.25}"#).await.unwrap_err();
    assert!(!format!("{number:?} {:?}", number.details()).contains("8675309"), "{number:?}");
}

#[tokio::test]
async fn text_that_is_no_strict_json_is_malformed() {
    let desk = Desk::new();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for args in [
        "",
        "{",
        "{'item':1}",
        r#"{"item":"x","count":1,}"#,
        r#"{"item":"x","count":01}"#,
        r#"{"item":"x","count":NaN}"#,
        r#"{"item":"x","count":1} {}"#,
        r#"{"item":"x","count":1,"item":"y"}"#,
        r#"{"item":"x","count":1,"it\u0065m":"y"}"#,
        r#"{"item":"\ud800","count":1}"#,
        r#"{"item":"x","count":1,"price":1e999}"#,
        &format!(r#"{{"item":"x","count":1,"notes":{{"a":{deep}}}}}"#),
    ] {
        let refusal = desk.send("order", args).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::MalformedRequest, Stage::Validate), "{args}");
        assert!(refusal.message().starts_with("the arguments are not strict JSON: "), "{refusal}");
    }
}

#[tokio::test]
async fn the_bytes_of_good_arguments_go_on_as_they_came() {
    let desk = Desk::new();
    for args in [
        r#"{"item":"x","count":1}"#,
        " {\n\t\"count\" : 1 ,\r\n \"item\" : \"\\u0078\\/\" } ",
        r#"{"count":9223372036854775807,"item":"","price":1.50,"gift":false,"tags":[],"size":"m"}"#,
        r#"{"count":-9223372036854775808,"item":"é","price":1E2,"to":{"number":7,"street":"a"}}"#,
        r#"{"item":"x","count":1,"notes":{"any":[1.0,null,{"x":"y"}],"more":1.0}}"#,
    ] {
        assert_eq!(desk.forwarded(args).await, args);
    }
}

#[tokio::test]
async fn a_whole_number_goes_on_as_an_integer() {
    let desk = Desk::new();
    for (count, integer) in [("1.0", "1"), ("-0", "0"), ("1e3", "1000"), ("2.50e1", "25"), ("-0.0", "0")] {
        let forwarded = desk.forwarded(&format!(r#"{{"item":"x","count":{count}}}"#)).await;
        assert_eq!(forwarded, format!(r#"{{"item":"x","count":{integer}}}"#), "{count}");
    }
    let nested = desk.forwarded(r#"{"item":"x","count":1,"price":1.0,"to":{"street":"a","number":7.0}}"#).await;
    assert_eq!(nested, r#"{"item":"x","count":1,"price":1.0,"to":{"street":"a","number":7}}"#);
}

#[tokio::test]
async fn free_form_arguments_take_anything_and_empty_ones_nothing() {
    let desk = Desk::new();
    assert!(desk.send("free", r#"{"any":{"thing":[1,"x",null]}}"#).await.is_ok());
    assert!(desk.send("free", "[]").await.is_err());
    assert!(desk.send("none", "{}").await.is_ok());
    assert!(desk.send("none", r#"{"a":1}"#).await.is_err());
}

#[tokio::test]
async fn equal_arguments_have_one_digest_however_they_are_written() {
    let desk = Desk::new();
    let digest = async |args: &str| desk.send("order", args).await.unwrap().digest();
    let plain = digest(r#"{"item":"x","count":1,"price":100}"#).await;
    for same in [
        r#"{"price":100,"count":1,"item":"x"}"#,
        "{ \"item\" : \"\\u0078\",\n\"count\":1.0, \"price\":1e2 }",
        r#"{"item":"x","count":1e0,"price":100.0}"#,
    ] {
        assert_eq!(digest(same).await, plain, "{same}");
    }
    for other in [
        r#"{"item":"x","count":2,"price":100}"#,
        r#"{"item":"X","count":1,"price":100}"#,
        r#"{"item":"x","count":1}"#,
        r#"{"item":"x","count":1,"price":100,"tags":[]}"#,
    ] {
        assert_ne!(digest(other).await, plain, "{other}");
    }
}

#[tokio::test]
async fn large_integers_keep_their_own_digests() {
    let desk = Desk::new();
    let digest = async |count: &str| {
        let args = format!(r#"{{"item":"x","count":{count}}}"#);
        desk.send("order", &args).await.unwrap().digest()
    };
    assert_ne!(digest("9007199254740992").await, digest("9007199254740993").await, "a double cannot tell them apart");
}

#[tokio::test]
async fn the_shape_tells_types_and_sizes_and_no_value() {
    let call = Desk::new().send("order", r#"{"item":"secret","count":4711,"tags":["a","b"]}"#).await.unwrap();
    assert_eq!(call.shape(), r#"{"item":"string(6)","count":"integer","tags":["string(1)","string(1)"]}"#);
}

#[tokio::test]
async fn a_call_that_its_caller_runs_is_checked_as_any_other() {
    let desk = Desk::new();
    let digested = |args: &str| {
        let request = desk.scene.request("order", args);
        async { grid_validate::digested(desk.scene.limited(&desk.session, request).await) }
    };
    let refusal = digested("{}").await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidToolArgs);
    let args = r#"{"item":"pen","count":2}"#;
    let mut call = digested(args).await.unwrap();
    let checked = desk.send("order", args).await.unwrap();
    assert_eq!((call.digest(), call.shape(), call.bytes()), (checked.digest(), Some(checked.shape()), None));
    assert_eq!(call.take_args(), None, "the caller has them as they are");
    let mut rewritten = digested(r#"{"item":"pen","count":2.0}"#).await.unwrap();
    assert_eq!(rewritten.take_args().as_deref(), Some(args));
    assert_eq!(rewritten.digest(), checked.digest());
}

#[tokio::test]
async fn a_digest_stands_for_arguments_only_where_the_contract_says_so() {
    use grid_core::local::UnseenArgs;
    use grid_testkit::SessionRequest;
    let desk = Desk::new();
    let digested = |name: &str| {
        let unseen = Some(UnseenArgs { digest: [7; 32], bytes: 99 });
        let request = SessionRequest { unseen, ..desk.scene.request(name, "") };
        async { grid_validate::digested(desk.scene.limited(&desk.session, request).await) }
    };
    assert_eq!(digested("order").await.unwrap_err().code(), Code::InvalidToolArgs);
    let call = digested("large").await.unwrap();
    assert_eq!((call.digest().as_bytes(), call.bytes(), call.shape()), (&[7; 32], Some(99), None));
}

#[tokio::test]
async fn arguments_may_reach_the_contracts_limit_and_not_pass_it() {
    const WIDE: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"desk","required_roles":["*"],"function_declarations":[
        {"name":"usual","description":"As shipped.","parameters":{"type":"OBJECT"}},
        {"name":"most","description":"Takes most.","max_args":"4MiB","parameters":{"type":"OBJECT"}},
        {"name":"small","description":"Takes little.","max_args":"64B","parameters":{"type":"OBJECT"}}]}]}"#;
    let scene = Scene::strict(WIDE);
    let session = scene.session("agent", "demo", &[]);
    for (tool, limit) in [("usual", 1 << 20), ("most", 4 << 20), ("small", 64)] {
        for (length, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let args = format!(r#"{{"t":"{}"}}"#, "x".repeat(length - 8));
            assert_eq!(args.len(), length);
            let checked = check(scene.limited(&session, scene.request(tool, &args)).await);
            assert_eq!(checked.is_ok(), fits, "{tool} {length}");
            if let Err(refusal) = checked {
                assert_eq!((refusal.code(), refusal.stage()), (Code::MessageTooLarge, Stage::Validate));
                assert!(refusal.message().contains(&limit.to_string()), "{}", refusal.message());
            }
        }
    }
}

#[tokio::test]
async fn arguments_over_the_limit_are_not_parsed() {
    let desk = Desk::new();
    let refusal = desk.send("free", &"[".repeat((1 << 20) + 1)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::MessageTooLarge);
    let refusal = desk.send("free", &"[".repeat(1 << 20)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedRequest);
}
