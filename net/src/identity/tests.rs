//! A call in virtual time: what a receiver believes of a sender, whatever is in between.

use visavis_codec::Timestamp;

use super::*;
use crate::seal::{CallSecret, JoinSeals, Opener, ParticipantId, Sealer, TrackId};
use crate::testing::Random;

const MS: u64 = 1_000_000;
/// The avatar that everybody knows here.
const ROOT: [u8; 32] = [5; 32];
const WALL: UnixSeconds = UnixSeconds(1_800_000_000);

/// A sender, from the outside.
struct Sender {
    prover: Prover,
    sealers: [Sealer; 3],
    join: crate::seal::JoinId,
    /// How much its clocks are ahead of the world's.
    ahead_ms: i64,
    wall_ahead: i64,
}

/// What goes over the network.
#[derive(Clone, Debug)]
struct Object {
    track: TrackId,
    sealed: Vec<u8>,
}

fn at(ms: u64) -> Timestamp {
    Timestamp(1_000_000 * MS + ms * MS)
}

fn wall(ms: u64, ahead: i64) -> UnixSeconds {
    UnixSeconds((WALL.0 + ms / 1000).saturating_add_signed(ahead))
}

fn secret() -> CallSecret {
    CallSecret::from_bytes([1; 32])
}

impl Sender {
    fn join(owner: &OwnerKey, now: u64, ahead_ms: i64) -> Self {
        let mut seals = JoinSeals::new(&secret());
        let join = *seals.join();
        let tracks = [TrackId::Face, TrackId::Audio, TrackId::Proof];
        let sealers = tracks.map(|track| seals.sealer(track).unwrap());
        let clock = Timestamp(at(now).0.saturating_add_signed(ahead_ms * MS.cast_signed()));
        let prover = Prover::new(owner.clone(), secret().call_id(), join, ROOT, clock);
        Self { prover, sealers, join, ahead_ms, wall_ahead: 0 }
    }

    fn clock(&self, now: u64) -> Timestamp {
        Timestamp(at(now).0.saturating_add_signed(self.ahead_ms * MS.cast_signed()))
    }

    fn send(&mut self, track: TrackId, payload: &[u8], now: u64) -> Object {
        let clock = self.clock(now);
        let sealer = self.sealers.iter_mut().find(|sealer| sealer.track() == track).unwrap();
        self.prover.note(track, sealer.next_counter(), payload, clock);
        let mut sealed = Vec::new();
        sealer.seal(payload, &mut sealed).unwrap();
        Object { track, sealed }
    }

    /// A face and a sound, and what the prover has to say.
    fn tick(&mut self, now: u64) -> Vec<Object> {
        let mut objects = vec![
            self.send(TrackId::Face, format!("face at {now}").as_bytes(), now),
            self.send(TrackId::Audio, format!("sound at {now}").as_bytes(), now),
        ];
        objects.extend(self.prove(now));
        objects
    }

    fn prove(&mut self, now: u64) -> Vec<Object> {
        let (clock, wall) = (self.clock(now), wall(now, self.wall_ahead));
        let mut objects = Vec::new();
        while let Some(message) = self.prover.poll(clock, wall) {
            let mut sealed = Vec::new();
            self.sealers[2].seal(&message, &mut sealed).unwrap();
            objects.push(Object { track: TrackId::Proof, sealed });
        }
        objects
    }
}

/// A receiver of one sender.
struct Receiver {
    openers: [Opener; 3],
    proof: Proof,
    challenger: Challenger,
    revocations: Revocations,
    id: ParticipantId,
    wall_ahead: i64,
    errors: Vec<String>,
}

impl Receiver {
    fn new(sender: &Sender, owner: &OwnerKey, now: u64) -> Self {
        Self::with(sender, owner, now, Challenger::new(at(now)))
    }

    fn with(sender: &Sender, owner: &OwnerKey, now: u64, challenger: Challenger) -> Self {
        let tracks = [TrackId::Face, TrackId::Audio, TrackId::Proof];
        let mut proof = Proof::new(secret().call_id(), sender.join, ProofPolicy::default(), at(now));
        proof.set_avatar(ROOT, Some(owner.public()));
        Self {
            openers: tracks.map(|track| Opener::new(&secret(), &sender.join, track)),
            proof,
            challenger,
            revocations: Revocations::default(),
            id: ParticipantId::random(),
            wall_ahead: 0,
            errors: Vec::new(),
        }
    }

    fn hear(&mut self, object: &Object, now: u64) {
        let mut opened = Vec::new();
        let opener = self.openers.iter_mut().find(|opener| opener.track() == object.track).unwrap();
        match opener.open(&object.sealed, &mut opened) {
            Err(error) => self.errors.push(error.to_string()),
            Ok(_) if object.track == TrackId::Proof => {
                let wall = wall(now, self.wall_ahead);
                let result = self.proof.accept(&opened, &self.challenger, &self.revocations, at(now), wall);
                if let Err(error) = result {
                    self.errors.push(error.to_string());
                }
            }
            Ok(counter) => self.proof.note(object.track, counter, &opened, at(now)),
        }
    }

    fn hear_all(&mut self, objects: &[Object], now: u64) {
        objects.iter().for_each(|object| self.hear(object, now));
    }

    fn status(&mut self, now: u64) -> ProofStatus {
        self.proof.status(at(now))
    }

    /// Tells the sender the nonce, as the catalogue does.
    fn introduce(&self, sender: &mut Sender, now: u64) {
        sender.prover.heard(self.id, self.challenger.nonce(), sender.clock(now));
    }
}

fn owner() -> OwnerKey {
    OwnerKey::from_seed(&[1; 32])
}

/// 33 ms of ticks each, everything arrives 40 ms later.
fn talk(sender: &mut Sender, receiver: &mut Receiver, from: u64, to: u64) -> Vec<(u64, ProofStatus)> {
    let mut statuses = Vec::new();
    for now in (from..to).step_by(33) {
        let objects = sender.tick(now);
        receiver.hear_all(&objects, now + 40);
        statuses.push((now + 40, receiver.status(now + 40)));
    }
    statuses
}

fn introduced() -> (Sender, Receiver) {
    let mut sender = Sender::join(&owner(), 0, 0);
    let receiver = Receiver::new(&sender, &owner(), 10);
    receiver.introduce(&mut sender, 30);
    (sender, receiver)
}

#[test]
fn an_honest_sender_is_proven_within_a_second_and_stays_so_for_an_hour() {
    let (mut sender, mut receiver) = introduced();
    let statuses = talk(&mut sender, &mut receiver, 40, 3_600_000);
    let proven = statuses.iter().position(|(_, status)| *status == ProofStatus::Proven).unwrap();
    assert!(statuses[proven].0 < 1000, "proven after {} ms", statuses[proven].0);
    for (at, status) in &statuses[proven..] {
        assert_eq!(*status, ProofStatus::Proven, "at {at} ms");
    }
    assert_eq!(receiver.errors, [""; 0]);
    let totals = receiver.proof.totals();
    assert_eq!((totals.contradicted, totals.overdue), (0, 0));
}

#[test]
fn nobody_is_proven_before_all_is_known() {
    use ProofStatus::Unproven;
    let mut sender = Sender::join(&owner(), 0, 0);
    let mut receiver = Receiver::new(&sender, &owner(), 10);
    receiver.proof = Proof::new(secret().call_id(), sender.join, ProofPolicy::default(), at(10));
    talk(&mut sender, &mut receiver, 33, 1000);
    assert_eq!(receiver.status(1000), Unproven(UnprovenReason::NoStatement));
    receiver.introduce(&mut sender, 1000);
    talk(&mut sender, &mut receiver, 1000, 3000);
    assert_eq!(receiver.status(3000), Unproven(UnprovenReason::AvatarUnknown));
    receiver.proof.set_avatar([6; 32], Some(owner().public()));
    assert_eq!(receiver.status(3000), Unproven(UnprovenReason::AvatarUnknown), "another avatar");
    receiver.proof.set_avatar(ROOT, None);
    assert_eq!(receiver.status(3000), Unproven(UnprovenReason::NoOwner));
    let thief = OwnerKey::from_seed(&[9; 32]);
    receiver.proof.set_avatar(ROOT, Some(thief.public()));
    assert_eq!(receiver.status(3000), Unproven(UnprovenReason::NotTheOwner));
    receiver.proof.set_avatar(ROOT, Some(owner().public()));
    assert_eq!(receiver.status(3000), ProofStatus::Proven);
}

#[test]
fn avatars_without_an_owner_are_shown_only_to_those_who_allow_it() {
    let (mut sender, mut receiver) = introduced();
    receiver.proof =
        Proof::new(secret().call_id(), sender.join, ProofPolicy { allow_unsigned: true }, at(10));
    receiver.proof.set_avatar(ROOT, None);
    talk(&mut sender, &mut receiver, 40, 3000);
    assert_eq!(receiver.status(3000), ProofStatus::Proven);
}

#[test]
fn a_member_who_speaks_with_anothers_avatar_is_a_silhouette() {
    let thief = OwnerKey::from_seed(&[9; 32]);
    let mut sender = Sender::join(&thief, 0, 0);
    let mut receiver = Receiver::new(&sender, &owner(), 10);
    receiver.introduce(&mut sender, 30);
    talk(&mut sender, &mut receiver, 40, 3000);
    assert_eq!(receiver.status(3000), ProofStatus::Unproven(UnprovenReason::NotTheOwner));
}

/// A member, who can derive everybody's keys, and sits on the path (it hosts the call).
struct Member {
    forger: Sealer,
}

impl Member {
    fn against(sender: &Sender, track: TrackId) -> Self {
        Self { forger: crate::seal::forger(&secret(), &sender.join, track) }
    }

    /// An object with the sender's counter and the member's words.
    fn forge(&mut self, counter: u64, payload: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        while self.forger.next_counter() < counter {
            self.forger.seal(b"", &mut sealed).unwrap();
        }
        self.forger.seal(payload, &mut sealed).unwrap();
        sealed
    }
}

#[test]
fn a_member_who_puts_words_into_anothers_mouth_veils_it_within_half_a_second() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 5000);
    assert_eq!(receiver.status(5000), ProofStatus::Proven);
    let mut member = Member::against(&sender, TrackId::Face);
    let mut veiled = None;
    for now in (5000..7000).step_by(33) {
        let mut objects = sender.tick(now);
        if now < 6000 {
            let counter = sender.sealers[0].next_counter() - 1;
            objects[0].sealed = member.forge(counter, b"I owe you a thousand");
        }
        receiver.hear_all(&objects, now + 40);
        let status = receiver.status(now + 40);
        if veiled.is_none() && status != ProofStatus::Proven {
            assert_eq!(status, ProofStatus::Veiled(VeilReason::Contradicted));
            veiled = Some(now);
        } else if veiled.is_some() {
            assert_eq!(status, ProofStatus::Veiled(VeilReason::Contradicted), "at {now}");
        }
    }
    assert!(veiled.unwrap() <= 5000 + 600, "{veiled:?}");
    // The forger gives up: ten seconds later the person is believed again.
    talk(&mut sender, &mut receiver, 7000, 17_000);
    assert_eq!(receiver.status(17_000), ProofStatus::Proven);
}

#[test]
fn a_member_who_speaks_while_another_is_silent_is_veiled_within_a_second_and_a_half() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 5000);
    receiver.hear_all(&sender.prove(5500), 5540);
    let counter = sender.sealers[0].next_counter();
    let mut member = Member::against(&sender, TrackId::Face);
    for i in 0..200u64 {
        let now = 6000 + i * 33;
        let sealed = member.forge(counter + i, b"I owe you a thousand");
        receiver.hear(&Object { track: TrackId::Face, sealed }, now);
        let expected = match now <= 7500 {
            true => ProofStatus::Proven,
            false => ProofStatus::Veiled(VeilReason::Unsigned),
        };
        assert_eq!(receiver.status(now), expected, "at {now}");
    }
    // Silence doesn't make it true.
    assert_eq!(receiver.status(60_000), ProofStatus::Veiled(VeilReason::Unsigned));
}

#[test]
fn a_member_cannot_sign_for_another() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 2000);
    let thief = OwnerKey::from_seed(&[9; 32]);
    // A whole prover of its own under the victim's path and salt.
    let mut prover = Prover::new(thief, secret().call_id(), sender.join, ROOT, at(2000));
    prover.heard(receiver.id, receiver.challenger.nonce(), at(2000));
    prover.note(TrackId::Face, 500, b"forged", at(2000));
    let mut messages = Vec::new();
    while let Some(message) = prover.poll(at(2600), WALL) {
        messages.push(message);
    }
    assert_eq!(messages.len(), 2);
    for message in &messages {
        let result =
            receiver.proof.accept(message, &receiver.challenger, &receiver.revocations, at(2600), WALL);
        assert!(
            matches!(result, Err(ProofError::Changed | ProofError::Checkpoint(_))),
            "a statement and a checkpoint of another key: {result:?}"
        );
    }
    // Nor can one that comes first: it says whose it is.
    let mut other = Receiver::new(&sender, &owner(), 2000);
    prover.heard(other.id, other.challenger.nonce(), at(2600));
    let statement = prover.poll(at(8000), WALL).unwrap();
    other.proof.accept(&statement, &other.challenger, &other.revocations, at(2610), WALL).unwrap();
    talk(&mut sender, &mut other, 2640, 4000);
    assert_eq!(other.status(4000), ProofStatus::Unproven(UnprovenReason::NotTheOwner));
}

#[test]
fn a_recorded_join_is_not_taken_for_a_live_one() {
    let (mut sender, mut receiver) = introduced();
    let mut recording = Vec::new();
    for now in (40..5000).step_by(33) {
        let objects = sender.tick(now);
        receiver.hear_all(&objects, now + 40);
        recording.push((now, objects));
    }
    assert_eq!(receiver.status(5000), ProofStatus::Proven);
    // To somebody who joins later, with a nonce of its own.
    let mut late = Receiver::new(&sender, &owner(), 60_000);
    // And to the one who was there, after it forgot the sender: whoever appears needs a fresh nonce.
    let mut challenger = receiver.challenger.clone();
    assert!(challenger.appeared(at(60_000)));
    let mut same = Receiver::with(&sender, &owner(), 60_000, challenger);
    for (now, objects) in &recording {
        for receiver in [&mut late, &mut same] {
            receiver.hear_all(objects, 60_000 + now);
            let status = receiver.status(60_000 + now);
            assert!(matches!(status, ProofStatus::Unproven(_)), "{status:?}");
        }
    }
    assert_eq!(late.status(66_000), ProofStatus::Unproven(UnprovenReason::NotFresh));
    assert!(late.proof.wants_challenge(at(66_000)) && !late.proof.wants_challenge(at(66_100)));
    // And what was heard once isn't heard again.
    let before = receiver.errors.len();
    recording.iter().for_each(|(now, objects)| receiver.hear_all(objects, 66_000 + now));
    let replayed: usize = recording.iter().map(|(_, objects)| objects.len()).sum();
    assert_eq!(receiver.errors.len() - before, replayed);
}

#[test]
fn what_is_held_back_to_be_forged_at_leisure_is_veiled() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 5000);
    for now in (5000..20_000).step_by(33) {
        let objects = sender.tick(now);
        // Four seconds late: time enough to look for objects with the same tags.
        receiver.hear_all(&objects, now + 4000);
        if now > 7000 {
            assert_eq!(receiver.status(now + 4000), ProofStatus::Veiled(VeilReason::Delayed), "at {now}");
        }
    }
    assert!(receiver.proof.wants_challenge(at(24_000)));
    // The path gets better: believed again, with nothing asked.
    talk(&mut sender, &mut receiver, 24_000, 27_000);
    assert_eq!(receiver.status(27_000), ProofStatus::Proven);
}

#[test]
fn a_sender_whose_clock_stood_still_is_believed_again_after_a_new_nonce() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 5000);
    sender.ahead_ms = -60_000; // asleep for a minute
    let statuses = talk(&mut sender, &mut receiver, 65_000, 70_000);
    assert!(statuses.iter().any(|(_, status)| *status == ProofStatus::Veiled(VeilReason::Delayed)));
    assert!(receiver.proof.wants_challenge(at(70_000)));
    assert!(receiver.challenger.appeared(at(70_000)));
    receiver.introduce(&mut sender, 70_040);
    talk(&mut sender, &mut receiver, 70_060, 78_000);
    assert_eq!(receiver.status(78_000), ProofStatus::Proven);
}

#[test]
fn clocks_may_differ_by_hours_and_not_by_days() {
    let hours = 3600;
    for (sender_ahead, receiver_ahead, is_proven) in [
        (11 * hours, 0, true),
        (-11 * hours, 0, true),
        (0, 11 * hours, true),
        (13 * hours, 0, false),
        (-13 * hours, 0, false),
        (0, 48 * hours, false),
    ] {
        let (mut sender, mut receiver) = introduced();
        (sender.wall_ahead, receiver.wall_ahead) = (sender_ahead, receiver_ahead);
        talk(&mut sender, &mut receiver, 1000, 4000);
        let expected = match is_proven {
            true => ProofStatus::Proven,
            false => ProofStatus::Unproven(UnprovenReason::Expired),
        };
        assert_eq!(receiver.status(4000), expected, "{sender_ahead} {receiver_ahead}");
    }
}

#[test]
fn a_statement_ends_and_is_renewed_before() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 3000);
    assert_eq!(receiver.status(3000), ProofStatus::Proven);
    let life = STATEMENT_LIFE.as_millis() as u64;
    assert_eq!(receiver.status(life + 605_000), ProofStatus::Veiled(VeilReason::Expired));
    // A renewal needs no new nonce.
    let renewed = sender.prove(life / 4 + 1000);
    assert_eq!(renewed.len(), 2, "a statement, and the checkpoint that was due");
    receiver.hear_all(&renewed[..1], life / 4 + 1000);
    assert_ne!(receiver.status(life + 605_000), ProofStatus::Veiled(VeilReason::Expired));
    // After so long without one, a new nonce tells how the clocks stand.
    assert!(receiver.challenger.poll(at(life + 604_000)));
    receiver.introduce(&mut sender, life + 604_000);
    talk(&mut sender, &mut receiver, life + 605_000, life + 608_000);
    assert_eq!(receiver.status(life + 608_000), ProofStatus::Proven);
}

#[test]
fn a_revoked_key_is_believed_by_nobody() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 3000);
    let revocation = Revocation::sign(&owner(), WALL, None);
    // Anybody may pass it on, the sender itself too.
    sender.prover.pass_on(&revocation);
    let messages = sender.prove(3010);
    receiver.hear_all(&messages[..1], 3050);
    assert_eq!(receiver.status(3060), ProofStatus::Veiled(VeilReason::Revoked));
    // Whoever has it on its list doesn't begin to believe.
    let mut late = Receiver::new(&sender, &owner(), 4000);
    late.revocations.add(&revocation).unwrap();
    late.introduce(&mut sender, 4000);
    talk(&mut sender, &mut late, 4010, 6000);
    assert_eq!(late.status(6000), ProofStatus::Unproven(UnprovenReason::Revoked));
    // Somebody else's revocation changes nothing.
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 3000);
    sender.prover.pass_on(&Revocation::sign(&OwnerKey::from_seed(&[9; 32]), WALL, None));
    receiver.hear_all(&sender.prove(3010), 3050);
    assert_eq!(receiver.status(3060), ProofStatus::Proven);
}

#[test]
fn a_cut_of_twenty_seconds_veils_and_ends_with_the_first_checkpoint_after_it() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 5000);
    // The sender goes on; nothing arrives, and what waited at a relay comes late and at once.
    let mut queued = Vec::new();
    for now in (5000..25_000).step_by(33) {
        queued.extend(sender.tick(now));
    }
    assert_eq!(receiver.status(24_000), ProofStatus::Veiled(VeilReason::Unsigned));
    queued[queued.len() - 40..].iter().for_each(|object| receiver.hear(object, 25_000));
    let statuses = talk(&mut sender, &mut receiver, 25_000, 27_000);
    let proven = statuses.iter().find(|(_, status)| *status == ProofStatus::Proven).unwrap();
    assert!(proven.0 <= 25_700, "{}", proven.0);
    assert_eq!(statuses.last().unwrap().1, ProofStatus::Proven);
}

#[test]
fn loss_jitter_and_reordering_veil_nobody() {
    for seed in 0..4 {
        let mut random = Random::new(seed);
        let (mut sender, mut receiver) = introduced();
        let mut flight: Vec<(u64, Object)> = Vec::new();
        let mut first_proven = None;
        for now in (40..120_000).step_by(33) {
            for object in sender.tick(now) {
                let is_proof = object.track == TrackId::Proof;
                let delay = 40 + random.below(if is_proof { 200 } else { 60 }) as u64;
                // Proofs go over streams: late, but not lost.
                if is_proof || random.below(10) > 0 {
                    flight.push((now + delay, object.clone()));
                }
                if random.below(20) == 0 {
                    flight.push((now + delay + 30, object));
                }
            }
            flight.sort_by_key(|(at, _)| *at);
            let arrived = flight.partition_point(|(at, _)| *at <= now);
            for (at, object) in flight.drain(..arrived) {
                receiver.hear(&object, at);
            }
            match (receiver.status(now), first_proven) {
                (ProofStatus::Proven, None) => first_proven = Some(now),
                (ProofStatus::Proven, Some(_)) | (ProofStatus::Unproven(_), None) => {}
                (status, _) => panic!("seed {seed}: {status:?} at {now}"),
            }
        }
        assert!(first_proven.unwrap() < 1500);
    }
}

#[test]
fn late_joiners_get_a_statement_at_once_and_a_flood_of_them_few() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 10_000);
    let mut late = Receiver::new(&sender, &owner(), 10_000);
    late.introduce(&mut sender, 10_050);
    let statuses = talk(&mut sender, &mut late, 10_060, 12_000);
    let proven = statuses.iter().find(|(_, status)| *status == ProofStatus::Proven).unwrap();
    assert!(proven.0 < 11_000, "{}", proven.0);
    assert_eq!(statuses.last().unwrap().1, ProofStatus::Proven);
    // 500 join within five seconds: statements stay few, and small.
    let (mut statements, mut bytes) = (0, 0);
    for i in 0..500u64 {
        let now = 12_000 + i * 10;
        sender.prover.heard(ParticipantId::random(), Nonce([i as u8; 8]), at(now));
        while let Some(message) = sender.prover.poll(at(now), WALL) {
            (statements, bytes) = (statements + 1, bytes + message.len());
        }
    }
    assert!(statements <= 14, "{statements}");
    assert!(bytes <= 14 * 2400, "{bytes}");
}

#[test]
fn catalogues_are_the_participants_own_even_before_its_statement() {
    let (sender, mut receiver) = introduced();
    let catalogue = sender.prover.sign_object(TrackId::Catalogue, 0, b"{}");
    assert_eq!(receiver.proof.check_object(TrackId::Catalogue, 0, &catalogue).unwrap(), b"{}");
    let mut sender = sender;
    talk(&mut sender, &mut receiver, 40, 2000);
    assert_eq!(receiver.status(2000), ProofStatus::Proven);
    let next = sender.prover.sign_object(TrackId::Catalogue, 1, b"{\"a\":1}");
    assert!(receiver.proof.check_object(TrackId::Catalogue, 1, &next).is_ok());
    assert!(
        receiver.proof.check_object(TrackId::Catalogue, 2, &next).is_err(),
        "an old one under a new counter"
    );
    assert!(receiver.proof.check_object(TrackId::Catalogue, 1, b"short").is_err());

    // A forged one that came before the statement is found out by it.
    let (mut sender, mut receiver) = introduced();
    let forged = sign_object(&EphemeralKey::generate(), TrackId::Needs, 0, b"hidden");
    assert!(receiver.proof.check_object(TrackId::Needs, 0, &forged).is_ok());
    talk(&mut sender, &mut receiver, 40, 2000);
    assert_eq!(receiver.status(2000), ProofStatus::Veiled(VeilReason::Contradicted));
}

#[test]
fn statements_for_other_calls_and_joins_are_refused() {
    let (mut sender, mut receiver) = introduced();
    let mut other_call =
        Prover::new(owner(), CallSecret::from_bytes([2; 32]).call_id(), sender.join, ROOT, at(0));
    let mut other_join = Sender::join(&owner(), 0, 0);
    for prover in [&mut other_call, &mut other_join.prover] {
        prover.heard(receiver.id, receiver.challenger.nonce(), at(30));
    }
    let mut accept = |message: &[u8]| {
        receiver.proof.accept(message, &receiver.challenger, &receiver.revocations, at(50), WALL)
    };
    assert!(matches!(accept(&other_call.poll(at(40), WALL).unwrap()), Err(ProofError::OtherCall)));
    assert!(matches!(accept(&other_join.prover.poll(at(40), WALL).unwrap()), Err(ProofError::OtherJoin)));
    assert!(matches!(accept(&[]), Err(ProofError::Malformed(_))));
    assert!(matches!(accept(&[9, 9]), Err(ProofError::Malformed(_))));
    let statement = sender.prover.poll(at(40), WALL).unwrap();
    assert_eq!(accept(&statement).unwrap(), Accepted::Statement { is_first: true });
    assert_eq!(accept(&statement).unwrap(), Accepted::Statement { is_first: false });
    for length in 0..statement.len() {
        assert!(accept(&statement[..length]).is_err());
    }
    // After a crash the same person joins as another participant: nothing of the first join counts there.
    let again = Sender::join(&owner(), 0, 0);
    let mut fresh = Receiver::new(&again, &owner(), 10);
    let result = fresh.proof.accept(&statement, &fresh.challenger, &fresh.revocations, at(60), WALL);
    assert!(matches!(result, Err(ProofError::OtherJoin)));
}

#[test]
fn a_recorded_call_proves_who_spoke() {
    let (mut sender, mut receiver) = introduced();
    let mut record: Vec<(Timestamp, Vec<u8>)> = Vec::new();
    for now in (40..20_000).step_by(33) {
        for object in sender.tick(now) {
            let mut opened = Vec::new();
            let opener = receiver.openers.iter_mut().find(|opener| opener.track() == object.track).unwrap();
            let counter = opener.open(&object.sealed, &mut opened).unwrap();
            let message = match object.track {
                TrackId::Proof => RecordedProof::Proof(&opened).to_bytes(),
                track => RecordedProof::Object { track, counter, payload: &opened }.to_bytes(),
            };
            record.push((at(now), message));
        }
    }
    let check = |record: &[(Timestamp, Vec<u8>)], revocations: &Revocations| {
        let mut faces = 0;
        let messages = record.iter().map(|(at, bytes)| (*at, bytes.as_slice()));
        let verified = verify_recording(messages, revocations, |track, payload| {
            faces += usize::from(track == TrackId::Face && payload.starts_with(b"face at "));
        });
        (verified, faces)
    };
    let (verified, faces) = check(&record, &Revocations::default());
    assert_eq!(verified.verdict, Verdict::Proven(owner().public()));
    assert_eq!((verified.judged.contradicted, verified.damaged), (0, 0));
    assert_eq!(verified.statement.as_ref().unwrap().avatar_root, ROOT);
    assert!(faces > 580 && verified.objects == 2 * record.iter().filter(|(_, m)| m[0] == 0x11).count());

    let mut revocations = Revocations::default();
    revocations.add(&Revocation::sign(&owner(), WALL, None)).unwrap();
    assert_eq!(check(&record, &revocations).0.verdict, Verdict::Revoked(owner().public()));

    // One word changed.
    let mut forged = record.clone();
    let place = forged.iter().position(|(at_, m)| m[0] == 0x11 && at_.0 > at(9000).0).unwrap();
    forged[place].1.push(b'!');
    assert_eq!(check(&forged, &Revocations::default()).0.verdict, Verdict::Forged(owner().public()));
    // Somebody put in between who wasn't there.
    let mut longer = record.clone();
    let extra = RecordedProof::Object { track: TrackId::Face, counter: 99_999, payload: b"more" }.to_bytes();
    longer.insert(place, (at(9000), extra));
    assert_eq!(check(&longer, &Revocations::default()).0.verdict, Verdict::InPart(owner().public()));
    // Without statement or checkpoints nothing is proven.
    for kind in [1, 2] {
        let less: Vec<_> = record.iter().filter(|(_, m)| m[0] != kind).cloned().collect();
        assert_eq!(check(&less, &Revocations::default()).0.verdict, Verdict::Nobody);
    }
    // Damage is counted, not believed.
    let mut damaged = record;
    damaged.iter_mut().for_each(|(_, message)| {
        let last = message.len() - 1;
        message[last] ^= u8::from(message[0] < 3);
    });
    let (verified, _) = check(&damaged, &Revocations::default());
    assert_eq!(verified.verdict, Verdict::Nobody);
    assert!(verified.damaged > 0);
    assert_eq!(check(&[], &Revocations::default()).0.verdict, Verdict::Nobody);
}

#[test]
fn floods_of_everything_stay_bounded() {
    let (mut sender, mut receiver) = introduced();
    talk(&mut sender, &mut receiver, 40, 2000);
    for i in 0..200_000u64 {
        receiver.proof.note(TrackId::Face, 1_000_000 + i, b"flood", at(2000));
    }
    let size = format!("{:?}", receiver.proof).len();
    assert!(size < 600_000, "{size} characters of state: 1,024 objects and no more");
    assert_eq!(receiver.status(2000), ProofStatus::Veiled(VeilReason::Unsigned));
}
