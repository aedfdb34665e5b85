use super::*;

fn offer(level: u8, versions: &[&'static str], features: &[&'static str]) -> Offer {
    Offer { level, versions: versions.to_vec(), features: features.to_vec() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

const WORDS: [&str; 4] = ["enhanced-errors", "streaming", "nested-calls", "lifecycle"];
const VERSION_SETS: [&[&str]; 7] =
    [&[], &["1.0"], &["1.1", "1.0"], &["2.0", "1.0", "1.1"], &["2.0"], &["1.9", "1.10"], &["x", ""]];

/// Every level of either side, every set of features of either side, every set of versions of either side: 3·3·16·16·7·5.
#[test]
fn the_matrix_of_levels_features_and_versions() {
    let sets = |bits: usize| WORDS.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1).map(|(_, word)| *word);
    let ours: [&[&'static str]; 5] =
        [&["1.0"], &["1.0", "1.1"], &["1.1", "2.0"], &["1.10", "1.9"], &["2.0", "1.0", "1.1"]];
    let mut cases = 0;
    for (host, theirs) in (1..=3).flat_map(|host| (0..=4).map(move |theirs| (host, theirs))) {
        for (mine, wished) in (0..16).flat_map(|mine| (0..16).map(move |wished| (mine, wished))) {
            for (speaks, said) in ours.iter().flat_map(|ours| VERSION_SETS.iter().map(move |said| (*ours, *said))) {
                cases += 1;
                let offer = offer(host, speaks, &sets(mine).collect::<Vec<_>>());
                let (features, versions) = (texts(&sets(wished).collect::<Vec<_>>()), texts(said));
                let peer = Said { level: theirs, features: &features, versions: &versions };
                let agreed = agree(&offer, peer, Stage::Link);
                // By another way than the code's: the table of what is newest in each pair of sets.
                let spoken: &[&str] = if said.is_empty() { &["1.0"] } else { said };
                let newest = ["2.0", "1.10", "1.9", "1.1", "1.0"]
                    .into_iter()
                    .find(|version| speaks.contains(version) && spoken.contains(version));
                let Some(newest) = newest else {
                    assert_eq!(agreed.unwrap_err().code(), Code::VersionMismatch, "{speaks:?} {said:?}");
                    continue;
                };
                let agreed = agreed.unwrap();
                let level = host.min(theirs.max(1));
                assert_eq!((agreed.version, agreed.level), (newest, level), "{speaks:?} {said:?}");
                let both: Vec<&str> = if level == 1 { Vec::new() } else { sets(mine & wished).collect() };
                assert_eq!(agreed.features, both, "{mine:b} {wished:b} at {level}");
                let missed = wished & !mine != 0 || (level == 1 && (wished != 0 || (host > 1 && mine != 0)));
                let newer = spoken.iter().any(|version| numbers(version) > numbers(newest));
                assert_eq!(agreed.told().is_some(), missed || newer || host != theirs.max(1), "{agreed:?}");
            }
        }
    }
    assert_eq!(cases, 3 * 5 * 256 * 35);
}

#[test]
fn what_is_lost_is_said_in_words_that_are_fit_for_a_log() {
    let host = offer(2, &["1.0"], &["enhanced-errors", "nested-calls"]);
    let features = texts(&["nested-calls", "str\u{1b}eam", "streaming", "streaming"]);
    let versions = texts(&["1.0", "1.4"]);
    let told = |level| {
        agree(&host, Said { level, features: &features, versions: &versions }, Stage::Link).unwrap().told().unwrap()
    };
    assert_eq!(told(3), "level 2 in place of 3; version 1.0 in place of 1.4; without str?eam, streaming");
    assert_eq!(
        told(1),
        "level 1 in place of 2; version 1.0 in place of 1.4; without enhanced-errors, nested-calls, str?eam, streaming"
    );
}

#[test]
fn a_peer_that_loses_nothing_is_told_nothing() {
    let host = offer(2, &["1.0"], &["enhanced-errors", "nested-calls"]);
    let said = Said { level: 2, features: &texts(&["nested-calls"]), versions: &[] };
    assert_eq!(agree(&host, said, Stage::Link).unwrap().told(), None);
}

#[test]
fn validation_says_what_is_on_what_is_not_and_what_was_not_named() {
    let host = offer(2, &["1.0"], &["enhanced-errors", "nested-calls"]);
    let features = Features::of([Feature::EnhancedErrors]);
    let validated = validate(&host, &features, &texts(&["nested-calls", "streaming", "tele\u{7}port"]));
    assert_eq!(validated.confirmed, Vec::<String>::new());
    assert_eq!(validated.disabled, ["nested-calls", "streaming", "tele?port"]);
    assert_eq!(validated.warnings.len(), 4, "{validated:?}");
    assert!(validated.warnings[0].contains("is off"), "{validated:?}");
    assert!(validated.warnings[3].contains("`enhanced-errors` is on"), "{validated:?}");
    let all = validate(&host, &features, &texts(&["enhanced-errors"]));
    assert_eq!((all.confirmed.len(), all.disabled.len(), all.warnings.len()), (1, 0, 0));
    let many: Vec<String> = (0..1000).map(|at| format!("f{at}")).collect();
    assert_eq!(validate(&host, &features, &many).disabled.len(), NAMES);
}

#[test]
fn an_update_switches_only_what_the_handshake_offered() {
    let host = offer(2, &["1.0"], &["enhanced-errors", "nested-calls"]);
    let features = Features::of([Feature::EnhancedErrors]);
    let ask = |wanted: &[&str], dropped: &[&str]| Update {
        wanted: texts(wanted),
        dropped: texts(dropped),
        ..Update::default()
    };
    let names = |updated: &Updated| {
        let rejected: Vec<_> = updated.rejected.iter().map(|(name, why)| (name.clone(), why.code())).collect();
        (updated.accepted.clone(), rejected)
    };
    let done = update(&host, 2, &features, &ask(&["nested-calls", "streaming"], &["enhanced-errors", "lifecycle"]));
    let rejected =
        vec![("streaming".to_owned(), Code::FeatureUnavailable), ("lifecycle".to_owned(), Code::FeatureUnavailable)];
    assert_eq!(names(&done), (texts(&["nested-calls", "enhanced-errors"]), rejected));
    assert_eq!(features.list(), [Feature::NestedCalls]);
    let both = update(&host, 2, &features, &ask(&["enhanced-errors"], &["enhanced-errors"]));
    assert_eq!(names(&both), (Vec::new(), vec![("enhanced-errors".to_owned(), Code::MalformedRequest)]));
    assert_eq!(features.list(), [Feature::NestedCalls], "nothing was switched");
    let lowly = update(&host, 1, &features, &ask(&["enhanced-errors"], &[]));
    assert_eq!(names(&lowly).1, [("enhanced-errors".to_owned(), Code::FeatureUnavailable)]);
}
