//! Expressiveness: a profile under somebody's hands, and the tuner that it makes.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use visavis_codec::FaceFrame;
use visavis_codec::expression::{
    FaceRange, MAX_PROFILE_BYTES, PRESETS, Preset, Profile, Region, Scope, Setting, Tuner,
};

/// A profile and its tuner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuning {
    profile: Profile,
    range: Option<Arc<FaceRange>>,
    tuner: Option<Tuner>,
}

impl Tuning {
    /// Another person; `None` where nothing can be tuned.
    pub(crate) fn meet(&mut self, range: Option<Arc<FaceRange>>) {
        self.range = range;
        self.rebuild();
    }

    /// Whether there is somebody whose face can be tuned.
    pub(crate) fn is_possible(&self) -> bool {
        self.range.is_some()
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The preset that it is, if nothing was changed since.
    pub(crate) fn preset(&self) -> Option<Preset> {
        PRESETS.into_iter().find(|preset| {
            let mut same = preset.profile();
            same.set_name(self.profile.name());
            same == self.profile
        })
    }

    pub(crate) fn take_preset(&mut self, preset: Preset) {
        self.take(preset.profile());
    }

    pub(crate) fn take(&mut self, profile: Profile) {
        self.profile = profile;
        self.rebuild();
    }

    pub(crate) fn gain(&self, region: Region) -> f32 {
        self.profile.get(Scope::Region(region), Setting::Gain).unwrap_or(1.0)
    }

    /// Sets how much of a region is shown, 0..=4; 1 as it is.
    pub(crate) fn set_gain(&mut self, region: Region, gain: f32) {
        let range = Setting::Gain.range();
        let value = if gain == 1.0 { None } else { Some(gain.clamp(range[0], range[1])) };
        if self.profile.set(Scope::Region(region), Setting::Gain, value).is_ok() {
            self.rename();
            self.rebuild();
        }
    }

    /// Sets how much of everything is shown, 0..=2.
    pub(crate) fn set_intensity(&mut self, intensity: f32) {
        if self.profile.set_intensity(intensity.clamp(0.0, 2.0)).is_ok() {
            self.rename();
            self.rebuild();
        }
    }

    /// A preset that was changed isn't that preset any more.
    fn rename(&mut self) {
        if Preset::from_name(self.profile.name()).is_some() {
            self.profile.set_name("");
        }
    }

    /// Whether faces come out as they went in.
    #[cfg(test)]
    pub(crate) fn is_identity(&self) -> bool {
        self.tuner.as_ref().is_none_or(Tuner::is_identity)
    }

    /// The tuned face. Times rise from call to call; where they step back, smoothing starts afresh.
    pub(crate) fn apply(&mut self, face: &FaceFrame) -> FaceFrame {
        self.tuner.as_mut().map_or(*face, |tuner| tuner.apply_frame(face))
    }

    /// Reads a profile from a file.
    pub(crate) fn load(&mut self, path: &Path) -> Result<()> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let limit = MAX_PROFILE_BYTES as u64 + 1;
        std::fs::File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .with_context(|| format!("{}: can't be read", path.display()))?;
        let profile =
            Profile::parse(&bytes).with_context(|| format!("{}: not a usable profile", path.display()))?;
        self.take(profile);
        Ok(())
    }

    /// Writes the profile to a file; without a name it gets the file's.
    pub(crate) fn save(&mut self, path: &Path) -> Result<()> {
        if self.profile.name().is_empty()
            && let Some(stem) = path.file_stem()
        {
            self.profile.set_name(&stem.to_string_lossy());
        }
        super::files::write(path, self.profile.to_toml().as_bytes())
            .with_context(|| format!("{}: can't be written", path.display()))
    }

    fn rebuild(&mut self) {
        self.tuner = self.range.as_ref().map(|range| Tuner::new(&self.profile, range));
    }
}

#[cfg(test)]
mod tests {
    use visavis_codec::testing::{Preset as Size, synthetic_avatar};
    use visavis_codec::{FaceUnit, Timestamp};

    use super::*;

    fn tuning() -> Tuning {
        let avatar = synthetic_avatar(1, Size::Tiny);
        let mut tuning = Tuning::default();
        tuning.meet(FaceRange::of_avatar(&avatar).ok().map(Arc::new));
        tuning
    }

    #[test]
    fn presets_are_known_until_they_are_changed() {
        let mut tuning = tuning();
        assert_eq!(tuning.preset(), Some(Preset::AsIAm));
        assert!(tuning.is_identity());
        tuning.take_preset(Preset::Warmer);
        assert_eq!(tuning.preset(), Some(Preset::Warmer));
        tuning.set_gain(Region::Brows, 1.5);
        assert_eq!((tuning.preset(), tuning.profile().name()), (None, ""));
        tuning.take_preset(Preset::AsIAm);
        tuning.set_gain(Region::Jaw, 2.0);
        tuning.set_gain(Region::Jaw, 1.0);
        assert_eq!(tuning.preset(), Some(Preset::AsIAm), "back where it was");
    }

    #[test]
    fn a_region_turned_down_is_turned_down() {
        let mut tuning = tuning();
        tuning.set_gain(Region::Jaw, 0.0);
        let mut face = FaceFrame { time: Timestamp(1), ..FaceFrame::default() };
        *face.latent.unit_mut(FaceUnit::CheekPuff) = 0.3;
        *face.latent.unit_mut(FaceUnit::JawLeft) = 0.3;
        let tuned = tuning.apply(&face);
        assert_eq!(tuned.latent.unit(FaceUnit::CheekPuff), 0.3);
        assert!(tuned.latent.unit(FaceUnit::JawLeft) < 0.05);
    }

    #[test]
    fn a_profile_comes_back_from_its_file() {
        let folder = crate::testing::folder();
        let path = folder.join("mine.toml");
        let mut one = tuning();
        one.set_gain(Region::Mouth, 1.4);
        one.set_intensity(0.8);
        one.save(&path).unwrap();
        let mut other = tuning();
        other.load(&path).unwrap();
        assert_eq!(other.profile(), one.profile());
        assert_eq!(other.profile().name(), "mine");
        std::fs::write(&path, "version = 1\n[region.mouth]\ngain = 99\n").unwrap();
        let error = format!("{:#}", other.load(&path).unwrap_err());
        assert!(error.contains("mine.toml") && error.contains("gain"), "{error}");
        assert_eq!(other.profile(), one.profile(), "what was there stays");
    }
}
