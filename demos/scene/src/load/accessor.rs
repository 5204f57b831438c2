//! Numbers from buffers, checked before anything is allocated.

use gltf::json;
use gltf::json::accessor::{ComponentType, Type};
use gltf::json::validation::Checked;

use super::Source;
use crate::error::{LoadError, Reason};

/// Where an accessor's elements lie.
struct Span<'a> {
    bytes: &'a [u8],
    stride: usize,
}

impl Source<'_> {
    /// Elements of `N` numbers, integers as the accessor's `normalized` says; `limit` elements at the most, all finite.
    pub(super) fn floats<const N: usize>(
        &self,
        index: u32,
        field: &str,
        limit: u64,
    ) -> Result<Vec<[f32; N]>, LoadError> {
        let accessor = self.accessor(index, field)?;
        let (component, width) = self.kind(accessor, field)?;
        if width != N {
            return Err(self.broken(field, format!("it has {width} numbers an element, not {N}")));
        }
        let size = component.size();
        let count = self.count(accessor, field, limit)?;
        let read = |bytes: &[u8]| -> [f32; N] {
            std::array::from_fn(|i| {
                number(bytes.get(i * size..(i + 1) * size).unwrap_or(&[]), component, accessor.normalized)
            })
        };
        let mut out = match accessor.buffer_view {
            None => vec![[0.0; N]; count],
            Some(view) => {
                let offset = accessor.byte_offset.unwrap_or_default().0;
                let span = self.span(view.value() as u32, offset, count, size * N, field)?;
                (0..count).map(|i| read(&span.bytes[i * span.stride..])).collect()
            }
        };
        if let Some(sparse) = &accessor.sparse {
            let changed = sparse.count.0;
            if changed > count as u64 {
                return Err(self.broken(field, format!("{changed} sparse elements of {count}")));
            }
            let changed = changed as usize;
            let Checked::Valid(index_type) = sparse.indices.component_type else {
                return Err(self.broken(field, "its sparse indices have no valid type".to_owned()));
            };
            let (places, values) = (&sparse.indices, &sparse.values);
            let index_size = index_type.0.size();
            let at = self.span(
                places.buffer_view.value() as u32,
                places.byte_offset.0,
                changed,
                index_size,
                field,
            )?;
            let with =
                self.span(values.buffer_view.value() as u32, values.byte_offset.0, changed, size * N, field)?;
            for i in 0..changed {
                let place = number(&at.bytes[i * at.stride..][..index_size], index_type.0, false) as usize;
                let Some(element) = out.get_mut(place) else {
                    return Err(self.broken(field, format!("sparse element {place} of {count}")));
                };
                *element = read(&with.bytes[i * with.stride..]);
            }
        }
        match out.iter().flatten().find(|x| !x.is_finite()) {
            None => Ok(out),
            Some(x) => Err(self.value(field, x, "finite numbers")),
        }
    }

    /// Indices of triangles.
    pub(super) fn indices(&self, index: u32, field: &str, limit: u64) -> Result<Vec<u32>, LoadError> {
        let accessor = self.accessor(index, field)?;
        let (component, width) = self.kind(accessor, field)?;
        if width != 1 || !matches!(component, ComponentType::U8 | ComponentType::U16 | ComponentType::U32) {
            return Err(self.broken(field, "indices are unsigned integers".to_owned()));
        }
        let count = self.count(accessor, field, limit)?;
        let Some(view) = accessor.buffer_view else { return Ok(vec![0; count]) };
        let offset = accessor.byte_offset.unwrap_or_default().0;
        let size = component.size();
        let span = self.span(view.value() as u32, offset, count, size, field)?;
        let read = |i: usize| {
            let mut word = [0; 4];
            word[..size].copy_from_slice(&span.bytes[i * span.stride..][..size]);
            u32::from_le_bytes(word)
        };
        Ok((0..count).map(read).collect())
    }

    /// The bytes of a buffer view.
    pub(super) fn view_bytes(&self, index: u32, field: &str) -> Result<&[u8], LoadError> {
        let view = self.root.buffer_views.get(index as usize);
        let view = view.ok_or_else(|| self.broken(field, format!("there is no buffer view {index}")))?;
        let buffer = self.buffers.get(view.buffer.value());
        let buffer = buffer
            .ok_or_else(|| self.broken(field, format!("there is no buffer {}", view.buffer.value())))?;
        let start = view.byte_offset.unwrap_or_default().0;
        let end = start.checked_add(view.byte_length.0);
        let range = usize::try_from(start).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
        range.and_then(|(start, end)| buffer.get(start..end)).ok_or_else(|| {
            let (length, have) = (view.byte_length.0, buffer.len());
            self.broken(
                &format!("bufferViews[{index}]"),
                format!("{length} bytes from {start} of a buffer of {have}"),
            )
        })
    }

    fn accessor(&self, index: u32, field: &str) -> Result<&json::Accessor, LoadError> {
        let accessor = self.root.accessors.get(index as usize);
        accessor.ok_or_else(|| self.broken(field, format!("there is no accessor {index}")))
    }

    fn kind(&self, accessor: &json::Accessor, field: &str) -> Result<(ComponentType, usize), LoadError> {
        match (accessor.component_type, accessor.type_) {
            (Checked::Valid(component), Checked::Valid(kind)) => Ok((
                component.0,
                match kind {
                    Type::Scalar => 1,
                    Type::Vec2 => 2,
                    Type::Vec3 => 3,
                    Type::Vec4 | Type::Mat2 => 4,
                    Type::Mat3 => 9,
                    Type::Mat4 => 16,
                },
            )),
            _ => Err(self.broken(field, "its accessor has no valid type".to_owned())),
        }
    }

    fn count(&self, accessor: &json::Accessor, field: &str, limit: u64) -> Result<usize, LoadError> {
        let found = accessor.count.0;
        if found > limit {
            return Err(self.error(field, Reason::TooMuch { what: "vertices and triangles", found, limit }));
        }
        Ok(found as usize)
    }

    /// `count` elements of `size` bytes, all of them there.
    fn span(
        &self,
        view: u32,
        offset: u64,
        count: usize,
        size: usize,
        field: &str,
    ) -> Result<Span<'_>, LoadError> {
        let bytes = self.view_bytes(view, field)?;
        let stride = self.root.buffer_views.get(view as usize).and_then(|view| view.byte_stride);
        let stride = stride.map_or(size, |stride| stride.0);
        let needed = match count {
            0 => Some(0),
            _ => (count as u64 - 1).checked_mul(stride as u64).and_then(|n| n.checked_add(size as u64)),
        };
        let there = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        match (there, needed) {
            (Some(bytes), Some(needed)) if needed <= bytes.len() as u64 && stride >= size => {
                Ok(Span { bytes, stride })
            }
            _ => Err(self.broken(
                field,
                format!(
                    "{count} elements of {size} bytes, {stride} apart, from {offset} don't fit into {} bytes",
                    bytes.len()
                ),
            )),
        }
    }
}

/// One number; 0 of too few bytes.
fn number(bytes: &[u8], component: ComponentType, normalized: bool) -> f32 {
    let mut word = [0; 4];
    word.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
    let short = i16::from_le_bytes([word[0], word[1]]);
    let scaled = |x: f32, most: f32| if normalized { (x / most).max(-1.0) } else { x };
    match component {
        ComponentType::I8 => scaled(f32::from(word[0] as i8), 127.0),
        ComponentType::U8 => scaled(f32::from(word[0]), 255.0),
        ComponentType::I16 => scaled(f32::from(short), 32_767.0),
        ComponentType::U16 => scaled(f32::from(short as u16), 65_535.0),
        ComponentType::U32 => u32::from_le_bytes(word) as f32,
        ComponentType::F32 => f32::from_le_bytes(word),
    }
}
