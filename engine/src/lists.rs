//! Lists that a frame fills and gives back, so that a warm engine records frames without allocating.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A large list is kept with at most this many times the room that its last user needed, so that a crowd's memory goes
/// with the crowd.
const SLACK: usize = 8;
/// Lists of up to so many bytes are kept as they are: users of different sizes take them in turns.
const LARGE_BYTES: usize = 256 << 10;

/// Empty lists with room in them, by the type of their elements.
#[derive(Default)]
pub(crate) struct Lists {
    idle: Mutex<HashMap<TypeId, Box<dyn Any + Send>>>,
}

impl Lists {
    /// An empty list with the room that some list of its kind had; it comes back when it is dropped.
    pub(crate) fn list<T: Send + 'static>(self: &Arc<Self>) -> List<T> {
        List { elements: self.take(), home: self.clone() }
    }

    /// An empty list that the caller gives back himself: for elements that borrow.
    pub(crate) fn take<T: Send + 'static>(&self) -> Vec<T> {
        of::<T>(&mut self.lock()).and_then(Vec::pop).unwrap_or_default()
    }

    /// Takes a list back, whatever is in it.
    pub(crate) fn put<T: Send + 'static>(&self, mut list: Vec<T>) {
        let used = list.len();
        // Before the lock: what is in it may have lists of its own.
        list.clear();
        let is_large = list.capacity().saturating_mul(size_of::<T>()) > LARGE_BYTES;
        if is_large && list.capacity() > used.saturating_mul(SLACK) {
            list.shrink_to(used);
        }
        if let Some(idle) = of(&mut self.lock()) {
            idle.push(list);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TypeId, Box<dyn Any + Send>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The idle lists of one kind.
fn of<T: Send + 'static>(idle: &mut HashMap<TypeId, Box<dyn Any + Send>>) -> Option<&mut Vec<Vec<T>>> {
    idle.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Vec::<Vec<T>>::new())).downcast_mut()
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}

/// An emptied list that may say that its elements live for any time, since it has none.
pub(crate) fn forget_lifetime<From, To>(mut list: Vec<From>) -> Vec<To> {
    list.clear();
    // The standard library collects a list into its own memory where the elements are alike.
    list.into_iter().filter_map(|_| None).collect()
}

/// A list that goes back to its [`Lists`].
pub(crate) struct List<T: Send + 'static> {
    elements: Vec<T>,
    home: Arc<Lists>,
}

impl<T: Send + 'static> Deref for List<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.elements
    }
}

impl<T: Send + 'static> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.elements
    }
}

impl<T: Send + 'static> Drop for List<T> {
    fn drop(&mut self) {
        self.home.put(std::mem::take(&mut self.elements));
    }
}

impl<T: Send + fmt::Debug + 'static> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_and_a_crowds_goes() {
        let lists = Arc::new(Lists::default());
        let filled = |count: usize| {
            let mut list = lists.list::<u32>();
            list.extend(0..count as u32);
            (list.as_ptr(), list.capacity())
        };
        let (place, room) = filled(1000);
        filled(1);
        assert_eq!(filled(1000), (place, room), "the same memory serves again");
        assert!(filled(LARGE_BYTES).1 >= LARGE_BYTES);
        filled(1000);
        assert!(filled(10).1 < LARGE_BYTES, "much goes when it isn't needed");
        let mut text = lists.list::<String>();
        text.push("of another kind".to_owned());
        assert_eq!(text.len(), 1);
    }

    #[test]
    fn a_list_forgets_a_lifetime_and_keeps_its_memory() {
        let number = 7;
        let mut list: Vec<&u32> = Vec::with_capacity(10);
        list.push(&number);
        let place = list.as_ptr().cast::<u8>();
        let list: Vec<&'static u32> = forget_lifetime(list);
        assert!(list.is_empty() && list.capacity() == 10);
        assert_eq!(list.as_ptr().cast::<u8>(), place);
    }

    #[test]
    fn lists_inside_lists_come_back_too() {
        let lists = Arc::new(Lists::default());
        let mut outer = lists.list::<List<u8>>();
        outer.push(lists.list());
        outer[0].push(1);
        drop(outer);
        assert!(lists.take::<u8>().capacity() > 0);
    }
}
