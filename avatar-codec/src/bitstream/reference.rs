//! The packet form: what follows the header, as both sides code it.

use super::axes::{Repeats, intra, newest};
use super::coder::Code;
use super::contexts::{Contexts as _, Signs, Static};
use super::quantiser::{Grains, MAX_AXES, Quantiser, Rung, Values, nearest};
use super::time::{TICK, code_interval, code_ticks, time_after};
use super::{CHECK_BITS, Check, INTRA_CHECK_BITS, MAX_REPEATS, PacketHeader, ReadPacketError};

/// Frames of one packet: intra frame, newest, repeats.
pub(super) const MAX_FRAMES: usize = MAX_REPEATS as usize + 2;
/// A packet probably holds three frames again, the intra frame being one of them where it is in the packet, the others four
/// rungs coarser; and its newest is on the rung of the intra frame.
const USUAL: u16 = 62_000;
const USUAL_REPEATS: u8 = 3;
const USUAL_COARSER: u8 = 2;
/// How many rungs coarser repeats are is counted in so many.
const RUNGS_COARSER: u8 = 2;
/// The error that is expected of a time, in 256ths of a tick.
const TIME_ERROR: u32 = 32;

/// An intra frame, to be leant on.
#[derive(Clone)]
pub(super) struct Reference {
    pub(super) rung: Rung,
    /// Nanoseconds.
    pub(super) time: u64,
    pub(super) interval: u32,
    pub(super) grains: Grains,
    pub(super) check: Check,
}

impl Reference {
    /// When the frame of this number after it is expected: a whole number of ticks.
    pub(super) fn time_of(&self, number: i64) -> u64 {
        let ticks = nearest(number * i64::from(self.interval), TICK as i64);
        time_after(self.time, ticks * TICK as i64)
    }

    /// Codes an intra frame, of either form.
    pub(super) fn code(
        code: &mut impl Code,
        quantiser: &Quantiser,
        rung: Rung,
        (ticks, interval): (u64, u32),
        values: &Values,
    ) -> Result<Self, ReadPacketError> {
        let ticks = code_ticks(code, ticks).ok_or(ReadPacketError::Time)?;
        let interval = code_interval(code, interval).ok_or(ReadPacketError::Time)?;
        let grains = intra(code, quantiser, rung, values).map_err(|axis| ReadPacketError::Axis { axis })?;
        let time = ticks * TICK;
        let check =
            Check::EMPTY.with([rung.number().into(), interval]).with_frame(time, &grains[..quantiser.axes()]);
        Ok(Self { rung, time, interval, grains, check })
    }
}

/// A frame beside an intra frame: to write, what it is to be; and what was coded.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) values: Values,
    pub(super) rung: Rung,
    pub(super) time: u64,
    pub(super) grains: Grains,
}

impl Item {
    pub(super) const EMPTY: Self =
        Self { values: [0.0; MAX_AXES], rung: Rung::ALL[0], time: 0, grains: [0; MAX_AXES] };
}

/// Codes the frames beside the intra frame: the newest, `items[0]`, `number` frames after it, and `repeats` frames before
/// that, the nearer ones first, whose rung is `coarser` coarser, and one more from each to the next. If `number` is 0 the newest is the intra frame itself, and
/// `items[0]` is not looked at. Returns how many repeats there are. Each item's time is that which its `time` was to be,
/// and, to read, will be.
pub(super) fn code_frames(
    code: &mut impl Code,
    quantiser: &Quantiser,
    (reference, has_intra): (&Reference, bool),
    number: u8,
    (repeats, coarser): (u8, u8),
    items: &mut [Item; MAX_FRAMES - 1],
) -> Result<u8, ReadPacketError> {
    let most = if has_intra { MAX_REPEATS } else { number - 1 };
    let usual_repeats = if has_intra && number > 0 { USUAL_REPEATS - 1 } else { USUAL_REPEATS };
    let usual = (usual_repeats.min(most), USUAL_COARSER);
    let wanted = (repeats, coarser / RUNGS_COARSER);
    let (mut rung, mut frames) = (reference.rung, usual);
    if number == 0 {
        items[0] = Item { rung, time: reference.time, grains: reference.grains, ..items[0] };
    }
    if !code.bit(wanted == usual && items[0].rung == rung, USUAL) {
        let number_of_rung = code.raw(items[0].rung.number().into(), 3);
        rung = Rung::new(number_of_rung as u8).ok_or(ReadPacketError::Rung)?;
        frames = (code.raw(wanted.0.into(), 3) as u8, code.raw(wanted.1.into(), 2) as u8);
    }
    let (repeats, coarser) = frames;
    if repeats > most {
        return Err(ReadPacketError::Repeats { repeats, most });
    }
    // The longer ago a frame was, the more packets must have been lost for its repeat to matter.
    let rung_of = |back: u8| rung.coarser(RUNGS_COARSER * coarser + back.saturating_sub(1));
    let newest_number = i64::from(number);
    for (back, item) in (0..=repeats).zip(items.iter_mut()) {
        if back == 0 && number == 0 {
            continue;
        }
        item.rung = if back == 0 { rung } else { rung_of(back) };
        let expected = reference.time_of(Repeats::number_of(newest_number, back.into()));
        let late = i32::try_from((item.time.wrapping_sub(expected) as i64) / TICK as i64).unwrap_or(0);
        let late = Static.signed(code, late, TIME_ERROR, Signs::Both).ok_or(ReadPacketError::Time)?;
        item.time = time_after(expected, i64::from(late) * TICK as i64);
    }
    let at = |axis| ReadPacketError::Axis { axis };
    let before = &reference.grains;
    if number > 0 {
        items[0].grains =
            newest(code, quantiser, rung, number.into(), before, &items[0].values).map_err(at)?;
    }
    let mut backwards = Repeats {
        reference: before,
        number: newest_number,
        count: repeats.into(),
        rung,
        after: [items[0].grains; 2],
        errors: [0; MAX_AXES],
    };
    for back in 1..=repeats {
        let item = &mut items[usize::from(back)];
        backwards.rung = item.rung;
        item.grains = backwards.next(code, quantiser, back.into(), &item.values).map_err(at)?;
    }
    Ok(repeats)
}

/// Codes the check over all that a packet means.
pub(super) fn code_check(
    code: &mut impl Code,
    quantiser: &Quantiser,
    header: PacketHeader,
    reference: &Reference,
    items: &[Item],
) -> Result<(), ReadPacketError> {
    let mut check = reference.check.with([header.number.into()]);
    for item in items {
        check =
            check.with([item.rung.number().into()]).with_frame(item.time, &item.grains[..quantiser.axes()]);
    }
    code_check_bits(code, check, header)
}

pub(super) fn code_check_bits(
    code: &mut impl Code,
    check: Check,
    header: PacketHeader,
) -> Result<(), ReadPacketError> {
    let count = if header.is_intra() { INTRA_CHECK_BITS } else { CHECK_BITS };
    let bits = check.bits(count);
    if code.raw(bits, count) == bits { Ok(()) } else { Err(ReadPacketError::Check) }
}
