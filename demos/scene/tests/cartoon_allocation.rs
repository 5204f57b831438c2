//! A face costs no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use visavis_codec::testing::random_latent;
use visavis_codec::{FaceFrame, HeadPose, glam::Quat};
use visavis_scene::{Cartoon, CartoonPose};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls go to the system's allocator as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's layout, as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the system's own pointer, with the layout that it was asked for.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn faces_are_taken_on_without_allocating() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/cartoons/mia.glb");
    let mut pose = CartoonPose::new(Arc::new(Cartoon::read(&path).expect("a good head")));
    let frames: Vec<FaceFrame> = (0..16)
        .map(|seed| FaceFrame {
            latent: random_latent(seed),
            head: HeadPose { rotation: Quat::from_rotation_y(0.1 * seed as f32), ..HeadPose::REST },
            ..FaceFrame::default()
        })
        .collect();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for frame in &frames {
        pose.set_frame(frame).expect("finite");
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
}
