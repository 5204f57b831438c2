//! Dynamic maps: decoded for a frame, or held for several.

use std::sync::Arc;

use crate::detail::Level;
use crate::error::GpuError;
use crate::person::{Look, PersonInner};
use crate::{cpu, gpu};

/// A dynamic map of a person. It goes back to them when nobody reads it any more.
#[derive(Debug)]
pub(crate) struct Map {
    person: Arc<PersonInner>,
    is_half: bool,
    /// Some until it is dropped.
    body: Option<MapBody>,
}

/// Where the executor wants it.
#[derive(Debug)]
pub(crate) enum MapBody {
    Gpu(Box<gpu::Map>),
    Cpu(Arc<cpu::TextureState>),
}

impl Map {
    /// One that nobody else writes or reads, for a level.
    pub(crate) fn new(person: &Arc<PersonInner>, level: Level) -> Result<Self, GpuError> {
        let is_half = level.has_half_map();
        let idle = || person.idle_maps(is_half);
        let taken = idle().take(); // the lock is free again before one is made
        let body = match taken {
            Some(body) => body,
            None => MapBody::new(person, is_half).inspect_err(|_| idle().forget())?,
        };
        Ok(Self { person: person.clone(), is_half, body: Some(body) })
    }

    pub(crate) fn is_half(&self) -> bool {
        self.is_half
    }

    /// Whether a level wants the half size.
    pub(crate) fn half_of(&self, level: Level) -> bool {
        level.has_half_map()
    }

    pub(crate) fn body(&self) -> Option<&MapBody> {
        self.body.as_ref()
    }

    pub(crate) fn body_mut(&mut self) -> Option<&mut MapBody> {
        self.body.as_mut()
    }
}

impl MapBody {
    fn new(person: &PersonInner, is_half: bool) -> Result<Self, GpuError> {
        Ok(match &person.look {
            Look::Gpu { decoder: Some(decoder), .. } => {
                Self::Gpu(Box::new(gpu::Map::new(&person.shared, decoder, is_half)?))
            }
            // Nobody decodes a likeness.
            Look::Gpu { decoder: None, .. } => {
                return Err(GpuError::Rejected("a likeness has no dynamic map".to_owned()));
            }
            Look::Cpu(shading) => Self::Cpu(Arc::new(shading.map(is_half))),
        })
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let surplus = self.person.idle_maps(self.is_half).put(body);
            drop(surplus); // after the lock
        }
    }
}
