use super::*;

const FILE: &str = r#"
[providers.redis]
priority = -1000
stack_level = 100
capabilities = ["lru", "ttl"]
fulfils = ["cache.get"]
tenants = ["acme"]

[providers.memory]

[select]
"cache.get" = "memcached"

[tenants.acme.select]
"cache.get" = { provider = "redis", fallback = true }

[hooks."cache.get"]
before = [["./warm", "x"], ["true"]]
"#;

fn is_tool(name: &str) -> bool {
    name == "cache.get"
}

fn faults(text: &str) -> Vec<(Option<usize>, String)> {
    let faults = read(text, &is_tool).map(|_| ()).unwrap_err();
    faults.into_iter().map(|fault| (fault.line, fault.message)).collect()
}

#[test]
fn every_part_of_a_file_is_read() {
    let ranks = read(FILE, &is_tool).unwrap();
    let redis = ranks.facts("redis").unwrap();
    assert_eq!((redis.priority, redis.stack_level, redis.listed), (-1000, 100, true));
    assert!(redis.can("lru") && redis.can("ttl") && !redis.can("x"));
    assert!(redis.fulfils("cache.get") && !redis.fulfils("cache.put"));
    let tenant = |name: &str| TenantId::parse(name).unwrap();
    assert!(redis.serves(&tenant("acme")) && !redis.serves(&tenant("other")));
    let memory = ranks.facts("memory").unwrap();
    assert_eq!((memory.priority, memory.stack_level, memory.capabilities.len()), (0, 0, 0));
    assert!(memory.fulfils("anything") && memory.serves(&tenant("other")));
    assert_eq!(ranks.providers(), ["memory", "redis"]);
    let host = ranks.selected("cache.get", &Whose::Host).unwrap();
    assert_eq!((&*host.provider, host.fallback), ("memcached", false));
    let acme = ranks.selected("cache.get", &Whose::Tenant(tenant("acme"))).unwrap();
    assert_eq!((&*acme.provider, acme.fallback), ("redis", true));
    assert_eq!(ranks.hooks("cache.get").before, [vec!["./warm", "x"], vec!["true"]]);
    assert!(ranks.hooks("cache.get").after.is_empty() && ranks.hooks("other") == Hooks::default());
    assert_eq!(read("", &is_tool), Ok(Ranks::default()));
}

#[test]
fn bounds_are_taken_and_one_beyond_is_not() {
    for (key, bound) in [("priority", 1000), ("stack_level", 100)] {
        for number in [-bound, -1, 0, 1, bound] {
            assert!(read(&format!("[providers.p]\n{key} = {number}"), &is_tool).is_ok(), "{key} {number}");
        }
        for number in [bound + 1, -bound - 1] {
            let told = faults(&format!("[providers.p]\n{key} = {number}"));
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].0, Some(2), "{told:?}");
            assert!(told[0].1.contains(&bound.to_string()), "{told:?}");
        }
        assert_eq!(faults(&format!("[providers.p]\n{key} = \"1\"")).len(), 1);
    }
}

#[test]
fn every_fault_is_told_at_once_with_its_line() {
    let text = r#"colour = 1
[providers.p]
priority = 1001
capabilities = [1]
colour = "red"
[providers."a/b"]
fulfils = ["cache.put"]
tenants = [""]
[select]
"cache.put" = "x"
"cache.get" = 7
[hooks."cache.get"]
before = ["./warm"]
after = [[]]
"#;
    let lines: Vec<Option<usize>> = faults(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14].map(Some));
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = faults("[providers.p]\npriority = \n");
    assert!(told.iter().any(|(line, text)| *line == Some(2) && text.contains("TOML")), "{told:?}");
    assert!(!faults("[providers.p]\n[providers.p]\n").is_empty(), "twice the same");
    assert!(!faults("providers = 1").is_empty() && !faults("[providers]\np = 1").is_empty());
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("providers.toml");
    let told = load(&path, &is_tool).unwrap_err();
    assert!(told.to_string().contains("providers.file"), "{told}");
    std::fs::write(&path, vec![b'#'; usize::try_from(LARGEST).unwrap() + 1]).unwrap();
    assert!(load(&path, &is_tool).unwrap_err().to_string().contains("larger"));
    std::fs::write(&path, "[providers.p]\npriority = 5000\n").unwrap();
    let told = load(&path, &is_tool).unwrap_err().to_string();
    assert!(told.contains("providers.toml:2: "), "{told}");
}
