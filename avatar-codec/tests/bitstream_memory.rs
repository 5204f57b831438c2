//! What coding frames allocates: nothing. One test: the counter is the whole program's.

use peak_alloc::PeakAlloc;
use visavis_codec::bitstream::{
    LatentReader, LatentWriter, MAX_PACKET_BYTES, Quantiser, Rung, WriterOptions, plain_latent_model,
};
use visavis_codec::{FaceFrame, Timestamp};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

#[test]
fn coding_a_frame_allocates_nothing() {
    let quantiser = Quantiser::new(&plain_latent_model(32)).unwrap();
    for options in [WriterOptions::stream(), WriterOptions::packet()] {
        let mut writer = LatentWriter::new(quantiser.clone(), options);
        let mut reader = LatentReader::new(quantiser.clone());
        let mut packet = Vec::with_capacity(2 * MAX_PACKET_BYTES);
        // The first packet makes room for what is remembered.
        writer.write(&FaceFrame::default(), &mut packet).unwrap();
        reader.read(&packet).unwrap();
        let before = ALLOCATED.current_usage();
        assert!(before > MAX_PACKET_BYTES, "{before} bytes: the counter doesn't count");
        ALLOCATED.reset_peak_usage();
        let mut moved = 0.0;
        for i in 1..300u64 {
            let mut frame = FaceFrame { time: Timestamp(i * 33_333_333), ..FaceFrame::default() };
            for (axis, unit) in frame.latent.units.iter_mut().enumerate() {
                *unit = ((i / 3 * 3) as f32 * 0.3 + axis as f32).sin().abs();
            }
            writer.set_rung(Rung::ALL[i as usize / 40 % 7]);
            writer.set_repeats((i / 60) as u8, (i / 50 % 7) as u8);
            writer.write(&frame, &mut packet).unwrap();
            // Damaged and lost packets are no exception.
            if i % 50 == 20 {
                packet.truncate(packet.len() / 2);
            }
            moved += reader.read(&packet).map_or(0.0, |frames| frames[0].face.latent.units[7]);
        }
        let peak = ALLOCATED.peak_usage();
        assert!(moved > 10.0);
        assert_eq!(peak, before, "coding allocated ({:?} form)", options.form);
    }
}
