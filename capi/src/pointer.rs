//! Pointers of a stranger: looked at before they are followed.

use crate::status::{Failure, VISAVIS_ERROR_STRUCT_SIZE};

/// A structure whose first field is its size, as the caller's header has it.
///
/// # Safety
/// `repr(C)`, its first field a `u32` named `struct_size`, and any bits are a value of it.
pub(crate) unsafe trait Sized32: Copy {
    /// What error messages call it.
    const NAME: &'static str;
}

/// A reference to what `pointer` points to.
///
/// # Safety
/// `pointer` is null, misaligned, or points to a `T` that nobody writes for as long as `'a`.
pub(crate) unsafe fn get<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    check(pointer, name)?;
    // SAFETY: not null, aligned, and the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Writes `value` to where `pointer` points.
///
/// # Safety
/// `pointer` is null, misaligned, or may be written a `T`.
pub(crate) unsafe fn put<T>(pointer: *mut T, value: T, name: &str) -> Result<(), Failure> {
    check(pointer, name)?;
    // SAFETY: not null, aligned, and the rest is the caller's promise.
    unsafe { pointer.write(value) };
    Ok(())
}

/// What `pointer` points to, if its `struct_size` says that it is as this library knows it.
///
/// # Safety
/// `pointer` is null, misaligned, or points to a `u32` that is `size_of::<T>()` only if a whole `T` is there.
pub(crate) unsafe fn read<T: Sized32>(pointer: *const T, name: &str) -> Result<T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { check_size(pointer, name)? };
    // SAFETY: the size is right, and then a whole structure is there.
    Ok(unsafe { pointer.read() })
}

/// Whether `pointer` points to a structure of the size that this library knows.
///
/// # Safety
/// As of [`read`].
pub(crate) unsafe fn check_size<T: Sized32>(pointer: *const T, name: &str) -> Result<(), Failure> {
    check(pointer, name)?;
    // SAFETY: the first field is a `u32`, and is there whatever its value is.
    let found = unsafe { pointer.cast::<u32>().read() };
    if found as usize == size_of::<T>() {
        return Ok(());
    }
    let text = format!(
        "`{name}`: struct_size is {found}, and this library's {} has {} bytes: set it to sizeof({0}), and build with the \
         header of this library",
        T::NAME,
        size_of::<T>()
    );
    Err(Failure::new(VISAVIS_ERROR_STRUCT_SIZE, text))
}

/// A slice of `count` elements; an empty one may be null.
///
/// # Safety
/// `pointer` is null, misaligned, or points to `count` values that nobody writes for as long as `'a`.
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, count: usize, name: &str) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    check(pointer, name)?;
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(Failure::argument(format!("`{name}` can't have {count} elements")));
    }
    // SAFETY: not null, aligned, no larger than memory, and the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

pub(crate) fn check<T>(pointer: *const T, name: &str) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure::argument(format!("`{name}` is null")));
    }
    if !pointer.is_aligned() {
        return Err(Failure::argument(format!("`{name}` is not aligned to {} bytes", align_of::<T>())));
    }
    Ok(())
}

/// Destroys a handle; null is nothing.
///
/// # Safety
/// `pointer` is null or came from [`Box::into_raw`], and is not used again.
pub(crate) unsafe fn destroy<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(pointer) });
    }
}
