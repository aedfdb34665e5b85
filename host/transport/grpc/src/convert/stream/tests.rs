use super::*;

fn of(wire: v1::Progress) -> f64 {
    match progress(wire) {
        RuntimeFrame::Progress(frame) => frame.progress.fraction,
        other => panic!("{other:?}"),
    }
}

#[test]
fn progress_that_is_no_part_of_a_whole_is_cut_to_one() {
    for (said, taken) in [(0.5, 0.5), (-1.0, 0.0), (7.0, 1.0), (f64::NAN, 0.0), (f64::INFINITY, 1.0)] {
        let taken_for = of(v1::Progress { fraction: said, ..v1::Progress::default() });
        assert!((taken_for - taken).abs() < f64::EPSILON, "{said} became {taken_for}");
    }
}

#[test]
fn either_form_of_an_error_ends_a_stream() {
    let plain = v1::Error { message: "full".to_owned(), r#type: "DISK_FULL".to_owned() };
    let rich = v1::EnhancedError { message: "full".to_owned(), r#type: "DISK_FULL".to_owned(), ..Default::default() };
    let one = v1::StreamChunk { is_final: true, error: Some(plain), ..Default::default() };
    let other = v1::StreamChunk { is_final: true, enhanced_error: Some(rich), ..Default::default() };
    for wire in [one, other] {
        let RuntimeFrame::Chunk(frame) = chunk(wire) else { panic!("a chunk") };
        assert_eq!(frame.error, Some(("full".to_owned(), "DISK_FULL".to_owned())));
    }
}
