//! Each Rust mirror has the size and the offsets that naga reflects from the WGSL, and no WGSL struct that crosses the
//! border goes without one.

use std::collections::BTreeMap;

use naga::{AddressSpace, Handle, Module, Type, TypeInner};
use visavis_shaders::ALL;
use visavis_shaders::mirror::{self, Mirror};

/// Size, then name and offset of each member.
type Layout = (usize, Vec<(String, usize)>);

fn rust<M: Mirror>() -> (String, Layout) {
    let fields = M::fields().into_iter().map(|(name, offset)| (name.to_owned(), offset)).collect();
    (M::NAME.to_owned(), (size_of::<M>(), fields))
}

fn collect(module: &Module, ty: Handle<Type>, found: &mut BTreeMap<String, Layout>) {
    match &module.types[ty].inner {
        TypeInner::Struct { members, span } => {
            let fields = members
                .iter()
                .map(|m| (m.name.clone().expect("WGSL members have names"), m.offset as usize))
                .collect();
            let name = module.types[ty].name.clone().expect("WGSL structs have names");
            for member in members {
                collect(module, member.ty, found);
            }
            let layout = (*span as usize, fields);
            let before = found.insert(name.clone(), layout.clone());
            assert!(before.is_none_or(|before| before == layout), "{name} differs between modules");
        }
        TypeInner::Array { base, .. } => collect(module, *base, found),
        _ => {}
    }
}

#[test]
fn rust_and_wgsl_agree() {
    let mut wgsl = BTreeMap::new();
    for shader in ALL {
        let module = naga::front::wgsl::parse_str(shader.source).expect(shader.name);
        for (_, variable) in module.global_variables.iter() {
            if matches!(variable.space, AddressSpace::Uniform | AddressSpace::Storage { .. }) {
                collect(&module, variable.ty, &mut wgsl);
            }
        }
    }
    let rust = BTreeMap::from([
        rust::<mirror::Camera>(),
        rust::<mirror::SkinnedVertex>(),
        rust::<mirror::SeedShape>(),
        rust::<mirror::BlockShape>(),
        rust::<mirror::SkinShape>(),
        rust::<mirror::RestVertex>(),
        rust::<mirror::NormalsShape>(),
        rust::<mirror::PixelDecoder>(),
        rust::<mirror::Lamp>(),
        rust::<mirror::Finish>(),
        rust::<mirror::Lighting>(),
        rust::<mirror::LayerPlacement>(),
        rust::<mirror::Background>(),
        rust::<mirror::Studio>(),
    ]);
    assert_eq!(rust, wgsl);
}

#[test]
fn bounds_are_the_shader_s() {
    assert_eq!(
        mirror::MAX_INPUT_GROUPS * mirror::MAX_HIDDEN_GROUPS,
        <mirror::PixelDecoder as bytemuck::Zeroable>::zeroed().first.len()
    );
}

#[test]
fn a_pass_has_as_many_views_as_the_shaders_arrays() {
    for &shader in visavis_shaders::MULTIVIEW {
        let module = naga::front::wgsl::parse_str(shader.source).expect(shader.name);
        for (_, variable) in module.global_variables.iter() {
            if variable.name.as_deref() != Some("cameras") {
                continue;
            }
            let TypeInner::Array { size, stride, .. } = module.types[variable.ty].inner else {
                panic!("{}: the cameras are no array", shader.name)
            };
            let views = u32::try_from(mirror::MAX_VIEWS).expect("few");
            assert_eq!(size, naga::ArraySize::Constant(views.try_into().expect("some")), "{}", shader.name);
            assert_eq!(stride as usize, size_of::<mirror::Camera>());
        }
    }
}
