//! What the path of a call pays for its arguments: read, check, digest, and once a contract compile.
//! Arguments of 200 bytes with nine values, the size of a usual call.

#![expect(clippy::expect_used, reason = "a bench without its data cannot run")]

use criterion::{Criterion, criterion_group, criterion_main};
use grid_adm::{ArgumentChecker, ExtraArgs, Schema, Value, digest, json};
use std::hint::black_box;

const SCHEMA: &str = r#"{"type":"OBJECT","properties":{
    "customer":{"type":"STRING","description":"id of the customer"},
    "amount":{"type":"NUMBER"},"count":{"type":"INTEGER"},"express":{"type":"BOOLEAN"},
    "channel":{"type":"STRING","enum":["web","shop","phone"]},
    "tags":{"type":"ARRAY","items":{"type":"STRING"}},
    "address":{"type":"OBJECT","properties":{"street":{"type":"STRING"},"zip":{"type":"STRING"}},"required":["zip"]}
},"required":["customer","amount","count"]}"#;

const ARGUMENTS: &str = r#"{"customer":"CUST-789123-4456","amount":1249.95,"count":3,"express":true,"channel":"shop","tags":["priority","gift wrap","fragile"],"address":{"street":"12 Long Acre, London","zip":"WC2E 9LH"}}"#;

fn benches(criterion: &mut Criterion) {
    let (schema, _) = Schema::read(SCHEMA).expect("a valid schema");
    let checker = ArgumentChecker::compile(&schema, ExtraArgs::Reject).expect("a valid schema");
    let value = json::parse(ARGUMENTS).expect("valid arguments");
    checker.check(&value).expect("arguments that fit");
    let wrong = json::parse(&ARGUMENTS.replace("true", "1").replace("3,", "\"3\",")).expect("valid json");

    criterion.bench_function("arguments/parse", |bench| bench.iter(|| json::parse(black_box(ARGUMENTS))));
    criterion.bench_function("arguments/parse and check", |bench| {
        bench.iter(|| {
            let value = json::parse(black_box(ARGUMENTS)).unwrap_or(Value::Null);
            checker.check(&value).is_ok()
        });
    });
    criterion.bench_function("arguments/check", |bench| bench.iter(|| checker.check(black_box(&value))));
    criterion
        .bench_function("arguments/check, two violations", |bench| bench.iter(|| checker.check(black_box(&wrong))));
    criterion.bench_function("arguments/prepare", |bench| {
        bench.iter(|| matches!(checker.prepare(black_box(&value)), std::borrow::Cow::Borrowed(_)));
    });
    criterion.bench_function("arguments/digest", |bench| bench.iter(|| digest(black_box(&value))));
    criterion.bench_function("arguments/shape", |bench| bench.iter(|| checker.shape(black_box(&value))));
    criterion.bench_function("contract/compile", |bench| {
        bench.iter(|| ArgumentChecker::compile(black_box(&schema), ExtraArgs::Reject).is_ok());
    });
}

criterion_group!(arguments, benches);
criterion_main!(arguments);
