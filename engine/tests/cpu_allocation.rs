//! A warm CPU executor allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use visavis::codec::glam::{Affine3A, vec3};
use visavis::codec::reference::View;
use visavis::codec::testing::{Preset, random_head, random_latent, synthetic_avatar};
use visavis::codec::{FaceFrame, Timestamp};
use visavis::cpu::{Instance, Layer, Placed, Renderer, Weights};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting what the present thread asks for.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised us.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised us.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_frame_allocates_nothing() {
    let avatar = synthetic_avatar(1, Preset::Tiny);
    let weights = Arc::new(Weights::new(&avatar));
    let mut instances = [Instance::new(weights.clone()), Instance::new(weights)];
    let (mut renderer, mut layer) = (Renderer::new(), Layer::new());
    let view = View::look_at(vec3(0.2, 0.0, -0.8), vec3(0.0, -0.05, 0.05), 0.6, 1.0, 0.05);
    let mut frame = |seed: u64| {
        let face = FaceFrame { time: Timestamp(0), latent: random_latent(seed), head: random_head(seed) };
        for instance in &mut instances {
            instance.decode(&face, None).unwrap();
        }
        let [a, b] = &instances;
        let placed = [
            Placed { instance: a, world_from_rest: Affine3A::IDENTITY },
            Placed { instance: b, world_from_rest: Affine3A::from_translation(vec3(0.15, 0.0, 0.2)) },
        ];
        renderer.render(&placed, &view, [120, 90], &mut layer, None).unwrap();
        renderer.render(&placed[..1], &view, [64, 64], &mut layer, None).unwrap();
    };
    for seed in 0..8 {
        frame(seed);
    }
    let before = COUNT.with(Cell::get);
    for seed in (0..8).rev() {
        frame(seed);
    }
    assert_eq!(COUNT.with(Cell::get) - before, 0);
    assert!(before > 0, "the counter counts");
}
