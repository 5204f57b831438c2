use visavis_codec::Avatar;
use visavis_codec::expression::{check::*, *};
fn main() {
    let a = Avatar::read(&std::fs::read("assets/avatars/wren.avatar").unwrap()).unwrap();
    let t = std::time::Instant::now();
    let c = Checker::new(&a).unwrap();
    println!("new {:?}", t.elapsed());
    for s in c.range().seams() {
        println!("{:?} {}", s.kind, s.contacts.len());
    }
    println!(
        "smile {} spill {} identity {}",
        c.smile_gain_error(),
        c.spill_ratio(),
        c.is_identity_exact(500)
    );
    println!("monotonic {}", c.is_monotonic());
    for p in PRESETS {
        println!(
            "{} gap {:?}",
            p.name(),
            (c.blink_gap_mm(&p.profile()), c.expressive_blink_gap_mm(&p.profile()))
        );
    }
    use visavis_codec::{FaceUnit, Latent, Timestamp};
    let t = std::time::Instant::now();
    let n: usize = std::env::args().nth(1).map_or(2000, |s| s.parse().unwrap());
    println!("{:#?} {:?}", c.penetration(n, 1, &mut |_| true), t.elapsed());
    let r = c.range();
    let faces = random_faces(r, 3, 300);
    let mut ts = vec![];
    let mut s = 0.;
    for q in 0..40 {
        let faces = random_faces(r, q, 200);
        let mut tu = Tuner::new(&random_profile(q), r);
        let t = std::time::Instant::now();
        for (i, f) in faces.iter().enumerate() {
            s += tu.apply(f, visavis_codec::Timestamp(i as u64 * 33_333_333)).units[3];
        }
        ts.push(t.elapsed().as_secs_f64() * 1e6 / 200.);
    }
    ts.sort_by(f64::total_cmp);
    println!("us median {} min {} max {} {s}", ts[20], ts[0], ts[39]);
    for p in PRESETS {
        let mut tu = Tuner::new(&p.profile(), r);
        let mut best = 1e9f64;
        for _ in 0..20 {
            let t = std::time::Instant::now();
            for (i, f) in faces.iter().enumerate() {
                s += tu.apply(f, visavis_codec::Timestamp(i as u64 * 33_333_333)).units[3];
            }
            best = best.min(t.elapsed().as_secs_f64() * 1e6 / 300.);
        }
        println!("{} {best} us {s}", p.name());
    }
}
