//! The file as a sink: every record once, whatever a crash left behind.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use grid_audit_export::{Exporter, FileOptions, FileSink};

use crate::common::{Log, until, until_delivered};

const LONG: Duration = Duration::from_secs(20);

fn sink(path: &Path, rotate_bytes: u64) -> FileSink {
    FileSink::open(FileOptions { path: path.to_owned(), rotate_bytes }).unwrap()
}

/// The files of a sink in the order of their names, the one that is written last.
fn files(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let all = fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<PathBuf> =
        all.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with(&format!("{name}."))).collect();
    all.sort();
    all.push(path.to_owned());
    all
}

fn lines(path: &Path) -> Vec<String> {
    let text: String = files(path).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_file_has_the_log_once_over_rotations_and_restarts() {
    let mut log = Log::new();
    let path = log.folder.path().join("out.jsonl");
    for _ in 0..6 {
        log.append(83);
        let exporter = Exporter::start(log.following("file"), sink(&path, 8_000)).unwrap();
        until_delivered(&exporter, log.len());
        exporter.stop(LONG);
    }
    assert_eq!(lines(&path), log.lines());
    let files = files(&path);
    assert!(files.len() > 5, "{files:?}");
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() <= 8_000);
    }
    // A file that was set aside is named by the record that comes after it.
    let second = fs::read_to_string(&files[1]).unwrap();
    let name = files[0].to_str().unwrap().rsplit('.').next().unwrap().parse::<u64>().unwrap();
    assert!(second.starts_with(&format!("{{\"index\":{name},")));
}

/// Whatever part of a batch is there when the position still stands before it.
#[test]
fn what_a_crash_left_is_mended_and_nothing_is_there_twice() {
    let mut log = Log::new();
    log.append(40);
    let whole = log.lines().iter().map(|line| format!("{line}\n")).collect::<String>();
    let path = log.folder.path().join("out.jsonl");
    for cut in (0..whole.len()).step_by(97).chain(whole.len() - 3..=whole.len()) {
        let _ = fs::remove_dir_all(log.folder.path().join("exports"));
        fs::write(&path, &whole[..cut]).unwrap();
        let exporter = Exporter::start(log.following("file"), sink(&path, u64::MAX)).unwrap();
        until_delivered(&exporter, log.len());
        exporter.stop(LONG);
        // Without a position the whole log comes again; only what follows the last line that is there is written,
        // and only if that line is in the batch that comes.
        let found = fs::read_to_string(&path).unwrap();
        let batch = whole.lines().take(16).map(|line| line.len() + 1).sum::<usize>();
        if cut < batch {
            assert_eq!(found, whole, "cut at {cut}");
        } else {
            let complete = whole[..cut].rfind('\n').map_or(0, |at| at + 1);
            assert!(found.starts_with(&whole[..complete]) && found.ends_with(&whole), "cut at {cut}");
        }
    }
}

#[test]
fn lines_of_somebody_else_stay_as_they_are() {
    let mut log = Log::new();
    log.append(10);
    for foreign in ["first line\nsecond", "{\"index\":99,\"kind\":\"other\"}\n", "\n\n", "{\"index\":0}"] {
        let path = log.folder.path().join("out.jsonl");
        let _ = fs::remove_dir_all(log.folder.path().join("exports"));
        fs::write(&path, foreign).unwrap();
        let exporter = Exporter::start(log.following("file"), sink(&path, u64::MAX)).unwrap();
        until_delivered(&exporter, log.len());
        exporter.stop(LONG);
        let found = fs::read_to_string(&path).unwrap();
        let ours = log.lines().iter().map(|line| format!("{line}\n")).collect::<String>();
        let kept = found.strip_suffix(&ours).unwrap();
        // The last one looks like a line of ours that is not complete.
        let expected = if foreign == "{\"index\":0}" { "" } else { foreign.trim_end_matches('\n') };
        assert_eq!(kept.trim_end_matches('\n'), expected);
    }
}

#[test]
fn a_file_that_somebody_moves_is_begun_again() {
    let mut log = Log::new();
    log.append(20);
    let path = log.folder.path().join("out.jsonl");
    let exporter = Exporter::start(log.following("file"), sink(&path, u64::MAX)).unwrap();
    until_delivered(&exporter, log.len());
    let moved = log.folder.path().join("out.jsonl.0");
    fs::rename(&path, &moved).unwrap();
    log.append(20);
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    assert!(fs::metadata(&path).unwrap().len() > 0);
    assert_eq!(lines(&path), log.lines());
}

#[test]
fn a_folder_that_goes_and_comes_back_costs_nothing() {
    let mut log = Log::new();
    let folder = log.folder.path().join("spool");
    let path = folder.join("out.jsonl");
    fs::create_dir(&folder).unwrap();
    let exporter = Exporter::start(log.following("file"), sink(&path, 4_000)).unwrap();
    log.append(100);
    until_delivered(&exporter, log.len());
    fs::rename(&folder, log.folder.path().join("away")).unwrap();
    log.append(100);
    until("a failure", || exporter.status().failures > 2);
    assert!(exporter.status().last_error.unwrap().contains("cannot write"));
    fs::rename(log.folder.path().join("away"), &folder).unwrap();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    assert_eq!(lines(&path), log.lines());
}

#[test]
fn a_file_that_cannot_be_opened_is_known_at_the_start() {
    let options = FileOptions { path: "/dev/null/none/out.jsonl".into(), rotate_bytes: 1 };
    assert!(FileSink::open(options).is_err());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"x").unwrap();
    assert!(FileSink::open(FileOptions { path: file.path().to_owned(), rotate_bytes: 1 }).is_ok());
}
