//! Avatars that arrive tier by tier, are replaced and evicted, while frames go on.

mod common;

use std::sync::Arc;

use common::{flip, random_frame, random_view, software};
use visavis::codec::Avatar;
use visavis::codec::reference;
use visavis::codec::testing::{Preset, synthetic_avatar};
use visavis::{ArrivalError, Executor, Instance, Residency, ResidencyOptions, Tier};

const SIZE: [u32; 2] = [96, 96];

fn avatar(seed: u64) -> Arc<Avatar> {
    let mut avatar = synthetic_avatar(seed, Preset::Tiny);
    avatar.preview = reference::preview(&avatar, 32, usize::MAX);
    Arc::new(avatar)
}

/// Frames until nothing is on its way, attending `cast`; what arrived.
fn settle(
    residency: &mut Residency<u32>,
    cast: &mut [(u32, Instance)],
) -> Vec<(u32, Result<Tier, ArrivalError>)> {
    let mut arrived = Vec::new();
    for _ in 0..2000 {
        if let Some(arrival) = residency.advance(1.0 / 60.0) {
            arrived.push((arrival.key, arrival.result));
        }
        for (key, instance) in cast.iter_mut() {
            residency.attend(key, instance);
        }
        if (0..10).all(|key| !residency.is_arriving(&key)) {
            return arrived;
        }
    }
    panic!("it never arrives");
}

#[test]
fn an_avatar_arrives_tier_by_tier_and_fades_in() {
    for executor in [Executor::Gpu, Executor::Cpu] {
        let headless = software(executor);
        let target = headless.engine().target(&common::FORMAT).expect("drawable");
        let avatar = avatar(1);
        let likeness = Arc::new(avatar.likeness().expect("a likeness"));
        let options = ResidencyOptions { bytes_a_frame: 4096, fade_s: 0.1, ..Default::default() };
        let mut residency = Residency::new(headless.engine(), options);
        assert!(residency.instance(&1).is_none() && residency.tier(&1).is_none());
        residency.feed(1, avatar.clone());
        residency.feed_likeness(1, likeness.clone());

        let (mut instance, mut tiers, mut pictures) = (None::<Instance>, Vec::new(), Vec::new());
        let (frame, view) = (random_frame(1), random_view(1));
        for n in 0..3000 {
            residency.advance(0.02);
            if instance.is_none() {
                instance = residency.instance(&1);
                if let Some(instance) = &mut instance {
                    instance.set_frame(&frame).expect("finite");
                }
            }
            let Some(instance) = &mut instance else { continue };
            let tier = residency.attend(&1, instance).expect("something is there");
            let is_new = tiers.last() != Some(&(tier, instance.likeness()));
            if is_new {
                tiers.push((tier, instance.likeness()));
                pictures.push(common::draw(&headless, &target, &[instance], &view, SIZE));
            }
            assert!(n < 2990, "it never arrives");
            if tier == Tier::Full && instance.likeness() == 0.0 {
                break;
            }
        }
        eprintln!("{executor:?}: {tiers:?}");
        assert_eq!(tiers[0], (Tier::Likeness, 0.0));
        assert_eq!(tiers[1], (Tier::Full, 1.0));
        assert!((5..=7).contains(&(tiers.len() - 1)), "{tiers:?}");
        // What is there in the end is what a host loads by itself.
        let mut whole = headless.load(&avatar).expect("loaded").instance();
        whole.set_frame(&frame).expect("finite");
        let expected = common::draw(&headless, &target, &[&whole], &view, SIZE);
        assert!(pictures.last().expect("drawn").rgba == expected.rgba, "{executor:?}");
        // No step of the fade is as large as a cut would be; the first swaps the mesh alone.
        let steps: Vec<f32> =
            pictures.windows(2).map(|pair| flip(SIZE, &pair[0].rgba, &pair[1].rgba)).collect();
        let cut = flip(SIZE, &pictures[0].rgba, &expected.rgba);
        eprintln!("{executor:?}: a cut would be {cut}, the steps are {steps:?}");
        assert!(steps[1..].iter().all(|step| *step < 0.6 * cut), "{steps:?} of {cut}");
    }
    common::driver_log::assert_silent();
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let headless = software(Executor::Cpu);
    let person = headless.load(&avatar(1)).expect("loaded");
    let likeness_bytes = {
        let likeness = avatar(1).likeness().expect("a likeness");
        headless.engine().load_likeness(&likeness).expect("loaded").bytes()
    };
    assert!(likeness_bytes > 0 && likeness_bytes < person.bytes());
    // Three whole avatars with four likenesses.
    let budget = 3 * person.bytes() + 4 * likeness_bytes + person.bytes() / 2;
    let options = ResidencyOptions { budget_bytes: budget, bytes_a_frame: 1 << 20, ..Default::default() };
    let mut residency = Residency::new(headless.engine(), options);
    for key in 0..4 {
        residency.feed_likeness(key, Arc::new(avatar(u64::from(key)).likeness().expect("a likeness")));
    }
    for key in 0..3 {
        residency.feed(key, avatar(u64::from(key)));
    }
    let arrived = settle(&mut residency, &mut []);
    assert_eq!(arrived.len(), 7);
    assert!(arrived[..4].iter().all(|(_, result)| *result == Ok(Tier::Likeness)), "{arrived:?}");
    assert!((0..3).all(|key| residency.tier(&key) == Some(Tier::Full)));

    // 0 and 2 are drawn; 1 was, longest ago of all that aren't.
    let mut cast: Vec<(u32, Instance)> =
        [0, 2].map(|key| (key, residency.instance(&key).expect("there"))).into();
    residency.feed(3, avatar(3));
    settle(&mut residency, &mut cast);
    assert_eq!([0, 1, 2, 3].map(|key| residency.tier(&key)), {
        let [full, likeness] = [Some(Tier::Full), Some(Tier::Likeness)];
        [full, likeness, full, full]
    });
    assert!(residency.bytes() <= budget);

    // Everybody who is whole is drawn: nobody goes, the newcomer stays a likeness, and says why.
    cast.push((3, residency.instance(&3).expect("there")));
    cast.push((1, residency.instance(&1).expect("there")));
    residency.advance(0.01);
    for (key, instance) in &mut cast {
        residency.attend(key, instance);
    }
    assert_eq!(residency.wanted().collect::<Vec<_>>(), [&1]);
    residency.feed(1, avatar(1));
    let arrived = settle(&mut residency, &mut cast);
    assert!(matches!(&arrived[..], [(1, Err(ArrivalError::NoRoom { .. }))]), "{arrived:?}");
    assert!([0, 2, 3].iter().all(|key| residency.tier(key) == Some(Tier::Full)));
    assert_eq!(residency.tier(&1), Some(Tier::Likeness));

    // 3 leaves: now there is room.
    cast.retain(|(key, _)| *key != 3);
    residency.advance(0.01);
    for (key, instance) in &mut cast {
        residency.attend(key, instance);
    }
    residency.feed(1, avatar(1));
    assert_eq!(settle(&mut residency, &mut cast), [(1, Ok(Tier::Full))]);
    assert_eq!(residency.tier(&3), Some(Tier::Likeness));
    residency.remove(&1);
    assert_eq!(residency.tier(&1), None);
}

#[test]
fn an_avatar_is_replaced_and_a_bad_one_is_refused() {
    let headless = software(Executor::Cpu);
    let target = headless.engine().target(&common::FORMAT).expect("drawable");
    let mut residency = Residency::new(headless.engine(), ResidencyOptions::default());
    residency.feed(1, avatar(1));
    settle(&mut residency, &mut []);
    let mut instance = residency.instance(&1).expect("there");
    let (frame, view) = (random_frame(5), random_view(5));
    instance.set_frame(&frame).expect("finite");
    let draw = |instance: &Instance| common::draw(&headless, &target, &[instance], &view, SIZE);
    let old = draw(&instance);

    let mut bad = Avatar::clone(&avatar(2));
    bad.static_map.texels.pop();
    residency.feed(1, Arc::new(bad));
    let mut cast = [(1, instance)];
    let arrived = settle(&mut residency, &mut cast);
    assert!(matches!(&arrived[..], [(1, Err(ArrivalError::Load(_)))]), "{arrived:?}");
    assert!(draw(&cast[0].1).rgba == old.rgba, "the old one stays");

    residency.feed(1, avatar(2));
    assert_eq!(settle(&mut residency, &mut cast), [(1, Ok(Tier::Full))]);
    let mut whole = headless.load(&avatar(2)).expect("loaded").instance();
    whole.set_frame(&frame).expect("finite");
    assert!(draw(&cast[0].1).rgba == draw(&whole).rgba, "the new one is shown");
    assert!(draw(&whole).rgba != old.rgba);
}
