//! A cartoon's file: the container, manifest, root and signature that captured people's files have.

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use visavis_codec::Avatar;
use visavis_codec::avatar::{
    AnyAvatar, AvatarForm, CartoonAvatar, FileSignature, InvalidAvatar, Licence, MAX_CARTOON_BYTES,
    ReadAvatarError, SignatureError, WriteAvatarError,
};
use visavis_codec::bitstream::{Quantiser, plain_latent_model};
use visavis_codec::testing::{Preset, synthetic_avatar};

fn cartoon() -> CartoonAvatar {
    let licence = Licence { spdx: "CC0-1.0".into(), consent: String::new() };
    let model: Vec<u8> = (0..=255).cycle().take(5000).collect();
    CartoonAvatar::new("Mia".into(), licence, &plain_latent_model(7), model)
}

#[test]
fn it_is_read_as_it_was_written() {
    let cartoon = cartoon();
    assert_eq!((cartoon.manifest.latent.residual, cartoon.manifest.latent.axes.len()), (0, 56));
    Quantiser::new(&cartoon.manifest.latent).expect("faces are coded for it");
    let file = cartoon.write().unwrap();
    assert_eq!(file, cartoon.write().unwrap(), "the same bytes each time");
    assert_eq!(CartoonAvatar::read(&file).unwrap(), cartoon);
    let any = AnyAvatar::read(&file).unwrap();
    assert_eq!(any, AnyAvatar::Cartoon(cartoon));
    assert_eq!(any.write().unwrap(), file);
}

#[test]
fn each_form_s_reader_refuses_the_other_and_says_what_it_is() {
    let drawn = cartoon().write().unwrap();
    for error in [
        Avatar::read(&drawn).unwrap_err(),
        Avatar::read_prefix(&drawn).unwrap_err(),
        Avatar::prefix_bytes(&drawn).unwrap_err(),
    ] {
        assert!(matches!(error, ReadAvatarError::Form { found: AvatarForm::Cartoon }), "{error}");
        assert!(error.to_string().contains("cartoon"), "{error}");
    }
    let captured = synthetic_avatar(1, Preset::Tiny);
    let file = captured.write().unwrap();
    let error = CartoonAvatar::read(&file).unwrap_err();
    assert!(matches!(error, ReadAvatarError::Form { found: AvatarForm::Photoreal }), "{error}");
    assert_eq!(AnyAvatar::read(&file).unwrap().manifest().form, AvatarForm::Photoreal);
    // Files from before forms were told are photoreal, byte by byte.
    assert!(!String::from_utf8_lossy(&file).contains(r#"\"form\""#));
}

#[test]
fn it_is_signed_as_any_avatar_is() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let file = cartoon().write().unwrap();
    assert_eq!(Avatar::verify_signature(&file).unwrap(), FileSignature::None);
    let public = key.verifying_key().to_bytes();
    let signed = Avatar::sign_file(&file, &public, |root| key.sign(root).to_bytes()).unwrap();
    assert_eq!(Avatar::verify_signature(&signed).unwrap(), FileSignature::Valid(public));
    let read = CartoonAvatar::read(&signed).unwrap();
    assert_eq!((&read.model, &read.manifest.name), (&cartoon().model, &cartoon().manifest.name));
    assert_ne!(
        Avatar::root_hash(&file).unwrap(),
        Avatar::root_hash(&signed).unwrap(),
        "the owner is part of it"
    );
    let mut changed = signed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(matches!(Avatar::verify_signature(&changed), Err(SignatureError::Wrong)));
    // The form is signed as well.
    let text = String::from_utf8_lossy(&signed[8..2000]).into_owned();
    let at = 8 + text.find("cartoon\\\"").expect("the form");
    let mut changed = signed;
    changed[at] = b'b';
    assert!(Avatar::verify_signature(&changed).is_err());
}

#[test]
fn models_of_no_size_and_parts_of_its_own_are_refused() {
    for size in [0, 19, MAX_CARTOON_BYTES + 1] {
        let wrong = CartoonAvatar { model: vec![0; size], ..cartoon() };
        let error = wrong.write().unwrap_err();
        assert!(matches!(error, WriteAvatarError::Invalid(InvalidAvatar::Limit { .. })), "{size}: {error}");
    }
    let mut wrong = cartoon();
    wrong.manifest.form = AvatarForm::Photoreal;
    assert!(wrong.write().is_err());
    let mut wrong = cartoon();
    wrong.manifest.parts = synthetic_avatar(1, Preset::Tiny).manifest.parts;
    assert!(wrong.write().unwrap_err().to_string().contains("`parts`"));
    let mut wrong = cartoon();
    wrong.manifest.latent = plain_latent_model(3);
    assert!(wrong.write().unwrap_err().to_string().contains("residual"));
    // A captured person's avatar that says it is drawn.
    let mut wrong = synthetic_avatar(1, Preset::Tiny);
    wrong.manifest.form = AvatarForm::Cartoon;
    assert!(wrong.write().unwrap_err().to_string().contains("`form`"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_refused_or_harmless(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut file = cartoon().write().unwrap();
        let header = file.len() - 5000;
        file[at.index(header)] = to;
        if let Ok(cartoon) = CartoonAvatar::read(&file) {
            prop_assert!(cartoon.write().is_ok());
        }
        let _ = Avatar::verify_signature(&file);
        let short = cut.index(file.len());
        prop_assert!(CartoonAvatar::read(&file[..short]).is_err());
        let _ = Avatar::verify_signature(&file[..short]);
    }
}
