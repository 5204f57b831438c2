//! How many sessions come from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts sessions by where they come from. Clones count together.
#[derive(Clone, Debug)]
pub struct Addresses {
    most: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A session that is counted until this is dropped.
#[derive(Debug)]
pub struct AddressPass {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Addresses {
    /// Lets through so many sessions of one address at a time; one at the least.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), open: Arc::default() }
    }

    /// How many one address may have.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Asks for one more session from an address; `None`: it has as many as it may.
    pub fn enter(&self, address: IpAddr) -> Option<AddressPass> {
        let address = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(AddressPass { address, open: Arc::clone(&self.open) })
    }
}

impl Drop for AddressPass {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: of IPv6 the 64 bits that a household is given, since it may choose the rest.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn one_address_has_its_share_and_others_theirs() {
        let addresses = Addresses::new(2);
        let first = addresses.enter(at("192.0.2.1")).unwrap();
        let _second = addresses.clone().enter(at("::ffff:192.0.2.1")).unwrap();
        assert!(addresses.enter(at("192.0.2.1")).is_none());
        let _other = addresses.enter(at("192.0.2.2")).unwrap();
        drop(first);
        let again = addresses.enter(at("192.0.2.1")).unwrap();
        assert!(addresses.enter(at("192.0.2.1")).is_none());
        drop(again);
        let _households =
            [addresses.enter(at("2001:db8::1")).unwrap(), addresses.enter(at("2001:db8::2")).unwrap()];
        assert!(addresses.enter(at("2001:db8::3:4:5:6")).is_none(), "the same household");
        assert!(addresses.enter(at("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn nothing_is_kept_of_who_is_gone() {
        let addresses = Addresses::new(0);
        for n in 0..1000u32 {
            drop(addresses.enter(IpAddr::V4(n.into())).unwrap());
        }
        assert!(addresses.open.lock().unwrap().is_empty());
    }
}
