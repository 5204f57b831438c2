//! `eval` as a whole, on a made-up capture.

use super::made_up::MadeUp;
use super::*;

/// Every metric of the report and of each of its groups.
const NAMES: [&str; 13] = [
    "frames",
    "pictures",
    "psnr_face_db",
    "psnr_head_db",
    "psnr_eyes_db",
    "psnr_mouth_db",
    "psnr_silhouette_db",
    "ssim",
    "flip_mean",
    "texture_mse_8bit2",
    "vertex_error_mm",
    "vertex_error_p99_mm",
    "psnr_ceiling_db",
];

#[test]
fn a_limit_keeps_an_even_spread() {
    assert_eq!(spread(4, 100), [0, 1, 2, 3]);
    assert_eq!(spread(10, 4), [0, 2, 5, 7]);
    assert!(spread(0, 4).is_empty());
}

fn eval(made_up: &MadeUp, split: &str) -> Result<Value> {
    run(&Arguments {
        avatar: made_up.folder.path().join("nobody.avatar"),
        capture: made_up.folder.path().to_owned(),
        split: split.to_owned(),
        sheet: None,
        limit: None,
        driver: None,
        onnxruntime: None,
        executor: Executor::Reference,
    })
}

#[test]
fn a_perfect_avatar_is_found_perfect_and_every_name_is_there() {
    let made_up = MadeUp::new();
    let report = eval(&made_up, "test").unwrap();
    let groups = [
        ("units_only", vec![&report["units_only"]]),
        ("baseline_neutral", vec![&report["baseline_neutral"]]),
        ("per_camera", report["per_camera"].as_object().unwrap().values().collect()),
        ("per_segment", report["per_segment"].as_object().unwrap().values().collect()),
    ];
    for (group, members) in &groups {
        assert!(!members.is_empty(), "{group}");
        for member in members {
            for name in NAMES {
                assert!(member.get(name).is_some(), "{group} has no {name}: {member}");
            }
        }
    }
    for name in NAMES.iter().filter(|name| !name.contains("mouth")) {
        assert!(report[name].is_number(), "{name}: {}", report[name]);
    }
    let count = |value: &Value| (value["frames"].as_u64().unwrap(), value["pictures"].as_u64().unwrap());
    assert_eq!(count(&report), (2, 3));
    assert_eq!(count(&report["per_camera"]["t00"]), (2, 2));
    assert_eq!(count(&report["per_camera"]["t01"]), (1, 1));
    assert_eq!(count(&report["per_segment"]["talk"]), (1, 2));
    assert_eq!(report["psnr_ceiling_db"], 41.5);

    let number = |value: &Value, name: &str| value[name].as_f64().unwrap();
    for name in ["psnr_face_db", "psnr_head_db", "psnr_silhouette_db"] {
        assert!(number(&report, name) > 45.0, "{name}: {}", report[name]);
        assert!(number(&report, name) > number(&report["baseline_neutral"], name) + 5.0, "{name}");
    }
    assert!(number(&report, "flip_mean") < 0.02, "{}", report["flip_mean"]);
    assert!(number(&report, "texture_mse_8bit2") < 1.0, "{}", report["texture_mse_8bit2"]);
    assert!(number(&report["baseline_neutral"], "texture_mse_8bit2") > 10.0);
    assert!(number(&report, "vertex_error_mm") < 0.01, "{}", report["vertex_error_mm"]);
    assert!(number(&report["baseline_neutral"], "vertex_error_mm") > 0.1);
    assert_eq!(report["units_only"]["ssim"], report["ssim"]);
}

#[test]
fn a_split_without_pictures_is_an_error() {
    let error = eval(&MadeUp::new(), "nonsense").unwrap_err();
    assert!(error.to_string().contains("`nonsense`"), "{error}");
}
