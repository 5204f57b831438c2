//! Who gets the point.

use visavis_game::play::ball::Touch;
use visavis_game::play::rules::{Rally, Score, Verdict};
use visavis_game::play::{Side, Why};

use Side::{Left, Right};

const OWN: Touch = Touch::Table(Left);
const OVER: Touch = Touch::Table(Right);

/// A serve by the left side that was good.
fn served() -> Rally {
    let mut rally = Rally::served(Left);
    assert_eq!(rally.touch(OWN), None);
    assert_eq!(rally.touch(OVER), None);
    assert!(rally.awaits_return());
    rally
}

#[test]
fn serves_touch_their_own_half_first() {
    for (touches, verdict) in [
        (&[OVER][..], Verdict::Point(Right, Why::Fault)),
        (&[OWN, OWN], Verdict::Point(Right, Why::Fault)),
        (&[OWN, Touch::Floor], Verdict::Point(Right, Why::Fault)),
        (&[Touch::Net], Verdict::Point(Right, Why::Fault)),
        (&[OWN, Touch::Cord, OVER], Verdict::Let),
        (&[OWN, Touch::Net, OWN], Verdict::Point(Right, Why::Fault)),
    ] {
        let mut rally = Rally::served(Left);
        let found: Vec<_> = touches.iter().filter_map(|&touch| rally.touch(touch)).collect();
        assert_eq!(found, [verdict], "{touches:?}");
        assert_eq!(rally.touch(Touch::Floor), None, "what is decided stays decided");
    }
}

#[test]
fn returns_touch_the_other_half() {
    let point = |touches: &[Touch]| {
        let mut rally = served();
        assert_eq!(rally.stroke(Right, false), None);
        touches.iter().find_map(|&touch| rally.touch(touch))
    };
    assert_eq!(point(&[OWN]), None);
    assert_eq!(point(&[Touch::Cord, OWN]), None, "over the cord is good in a rally");
    assert_eq!(point(&[Touch::Floor]), Some(Verdict::Point(Left, Why::Out)));
    assert_eq!(point(&[Touch::Edge]), Some(Verdict::Point(Left, Why::Out)));
    assert_eq!(point(&[Touch::Net, OVER]), Some(Verdict::Point(Left, Why::Net)));
    assert_eq!(point(&[OVER]), Some(Verdict::Point(Left, Why::OwnHalf)));
    assert_eq!(point(&[OWN, OWN]), Some(Verdict::Point(Right, Why::NotReturned)));
    assert_eq!(point(&[OWN, Touch::Floor]), Some(Verdict::Point(Right, Why::NotReturned)));
}

#[test]
fn a_ball_is_struck_after_it_has_touched_the_table() {
    let mut rally = served();
    assert_eq!(rally.stroke(Right, false), None);
    assert_eq!(rally.stroke(Left, true), Some(Verdict::Point(Right, Why::Volley)));
    // One that had gone out already does no harm.
    let mut rally = served();
    assert_eq!(rally.stroke(Right, false), None);
    assert_eq!(rally.stroke(Left, false), Some(Verdict::Point(Left, Why::Out)));
    // Nobody strikes twice.
    let mut rally = served();
    assert_eq!(rally.stroke(Right, false), None);
    assert_eq!(rally.stroke(Right, false), Some(Verdict::Point(Left, Why::Volley)));
    assert_eq!(rally.strokes(), 2);
}

#[test]
fn eleven_with_a_lead_of_two() {
    let score = |left, right| Score { points: [left, right], first: Left };
    assert_eq!(score(11, 9).winner(), Some(Left));
    assert_eq!(score(10, 9).winner(), None);
    assert_eq!(score(11, 10).winner(), None);
    assert_eq!(score(12, 14).winner(), Some(Right));
    assert!(score(10, 4).is_game_point() && score(10, 10).winner().is_none());
    assert!(!score(10, 10).is_game_point() && !score(9, 9).is_game_point() && score(11, 10).is_game_point());
}

#[test]
fn serves_change_every_two_points_and_every_one_from_ten_all() {
    let server = |left, right| Score { points: [left, right], first: Left }.server();
    let servers: Vec<Side> = (0..6).map(|n| server(n, 0)).collect();
    assert_eq!(servers, [Left, Left, Right, Right, Left, Left]);
    assert_eq!([server(9, 9), server(10, 9), server(9, 10)], [Right; 3].map(|_| server(9, 9)));
    assert_eq!([server(10, 10), server(11, 10), server(11, 11)], [Left, Right, Left]);
}
