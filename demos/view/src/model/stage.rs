//! How the picture is divided: one person, as they are beside tuned, or two eyes.

use visavis::Viewport;

use super::camera::Camera;

/// How the picture is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Arrangement {
    #[default]
    One,
    /// As I am, tuned.
    Split,
    /// Left eye, right eye.
    Stereo,
}

/// Which face is shown in a part of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    AsIAm,
    Tuned,
}

/// A face, and the views that it is drawn in, decoded once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pane {
    pub(crate) side: Side,
    pub(crate) viewports: Vec<Viewport>,
}

impl Arrangement {
    /// How many pictures stand beside each other.
    pub(crate) const fn columns(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Split | Self::Stereo => 2,
        }
    }

    /// Names over the pictures.
    pub(crate) const fn captions(self) -> &'static [&'static str] {
        match self {
            Self::One => &[],
            Self::Split => &["as I am", "tuned"],
            Self::Stereo => &["left eye", "right eye"],
        }
    }

    /// Width over height of each picture in a stage of this size.
    pub(crate) fn aspect(self, [width, height]: [u32; 2]) -> f32 {
        (width / self.columns()).max(1) as f32 / height.max(1) as f32
    }

    /// What is drawn where in a stage of this size, pixels, each at least 1.
    pub(crate) fn panes(self, camera: &Camera, size: [u32; 2], eyes_apart_m: f32) -> Vec<Pane> {
        let [width, height] = size.map(|side| side.max(1));
        let aspect = self.aspect(size);
        let half = (width / 2).max(1);
        let left = |view| Viewport::new(view, [half, height]);
        let right = |view| Viewport { origin: [width - half, 0], ..Viewport::new(view, [half, height]) };
        match self {
            Self::One => {
                let viewports = vec![Viewport::new(camera.view(aspect), [width, height])];
                vec![Pane { side: Side::Tuned, viewports }]
            }
            Self::Split => {
                let view = camera.view(aspect);
                vec![
                    Pane { side: Side::AsIAm, viewports: vec![left(view)] },
                    Pane { side: Side::Tuned, viewports: vec![right(view)] },
                ]
            }
            Self::Stereo => {
                let [one, other] = camera.stereo(aspect, eyes_apart_m);
                vec![Pane { side: Side::Tuned, viewports: vec![left(one), right(other)] }]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_beside_each_other_and_fill_the_stage() {
        let camera = Camera::default();
        for size in [[800, 600], [801, 3], [1, 1], [0, 0]] {
            for arrangement in [Arrangement::One, Arrangement::Split, Arrangement::Stereo] {
                let panes = arrangement.panes(&camera, size, 0.06);
                let viewports: Vec<_> = panes.iter().flat_map(|pane| &pane.viewports).collect();
                assert_eq!(viewports.len() as u32, arrangement.columns());
                let [width, height] = size.map(|side: u32| side.max(1));
                for viewport in viewports {
                    assert!(viewport.size.iter().all(|&side| side > 0));
                    assert!(viewport.origin[0] + viewport.size[0] <= width && viewport.size[1] == height);
                    assert!(viewport.view.clip_from_world().is_finite(), "{size:?}");
                }
            }
        }
    }

    #[test]
    fn two_eyes_are_one_decode_and_a_split_is_two() {
        let camera = Camera::default();
        let faces = |arrangement: Arrangement| arrangement.panes(&camera, [64, 64], 0.06).len();
        assert_eq!((faces(Arrangement::Stereo), faces(Arrangement::Split)), (1, 2));
    }
}
