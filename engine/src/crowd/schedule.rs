//! Who is in a frame, at which level, and whose map is decoded in it.

use crate::detail::{Detail, Level};
use crate::frame::Viewport;
use crate::instance::Instance;

/// An instance that some view of the frame sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) level: Level,
    /// How much of its colour is the likeness's.
    pub(crate) likeness: f32,
    /// Whether a view of colour sees it.
    pub(crate) has_color: bool,
    /// Whether its dynamic map is decoded in this frame; if not, it needs none or has one.
    pub(crate) decodes: bool,
}

/// Chooses who is drawn how, into an empty list. Instances that no view sees let go of what they held.
///
/// Of the maps that aren't decoded in every frame, as many are decoded in each as come due in the mean, those first that
/// have waited longest: a frame's cost stays the same, however many began together.
pub(crate) fn cast<'a>(
    detail: Detail,
    instances: &[&'a Instance],
    views: &[Viewport],
    members: &mut Vec<Member<'a>>,
) {
    // Of maps that are held: how many come due a frame, and how many must be decoded now.
    let (mut rate, mut must) = (0.0f64, 0usize);
    for &instance in instances {
        let mut pixels: Option<f32> = None;
        let mut is_seen = false;
        for viewport in views {
            let height = instance.person.bounds.height_m;
            let Some(found) =
                crate::crowd::seen(&instance.bounds, height, instance.world_from_rest, viewport)
            else {
                continue;
            };
            is_seen = true;
            if !viewport.depth_only {
                pixels = Some(pixels.map_or(found, |most| most.max(found)));
            }
        }
        let mut state = instance.detail_state();
        if !is_seen {
            state.forget();
            continue;
        }
        let Some(pixels) = pixels else {
            // A shadow: its mesh alone, as fine as it was drawn last.
            let level = state.level().unwrap_or(Level::Full);
            let level = instance.person.nearest(level);
            members.push(Member { instance, level, likeness: 1.0, has_color: false, decodes: false });
            continue;
        };
        let detail = instance.detail.unwrap_or(detail);
        let (level, share) = state.choose(detail, pixels, &instance.person);
        let likeness = if instance.person.has_likeness() { share.max(instance.likeness) } else { 0.0 };
        let needs_map = likeness < 1.0 && level != Level::Likeness;
        let mut decodes = false;
        if needs_map {
            match level.decode_period() {
                Some(1) | None => decodes = true,
                Some(period) => {
                    rate += 1.0 / f64::from(period);
                    decodes = state.is_due_at_once(level);
                    must += usize::from(decodes);
                }
            }
        }
        if !needs_map || level.decode_period() == Some(1) {
            state.release();
        }
        members.push(Member { instance, level, likeness, has_color: true, decodes });
    }
    if rate > 0.0 {
        serve(members, (rate.ceil() as usize).saturating_sub(must));
    }
}

/// Lets so many of those decode that have waited at least their period, the most overdue first.
fn serve(members: &mut [Member<'_>], count: usize) {
    for _ in 0..count {
        let overdue = |member: &Member<'_>| {
            let is_waiting = member.has_color && !member.decodes && member.likeness < 1.0;
            let period =
                member.level.decode_period().filter(|_| is_waiting && member.level != Level::Likeness)?;
            let age = member.instance.detail_state().age()?;
            (age >= period).then(|| f64::from(age) / f64::from(period))
        };
        let most = (members.iter_mut())
            .filter_map(|member| overdue(member).map(|overdue| (overdue, member)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match most {
            Some((_, member)) => member.decodes = true,
            None => return,
        }
    }
}
