//! The rules of table tennis: who gets the point, who serves, who has won.

use super::ball::Touch;
use super::table::Side;

/// Points that win, with a lead of two.
pub const POINTS: u32 = 11;

/// Why a point went to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It bounced twice, or was let go by.
    NotReturned,
    /// It never touched the table.
    Out,
    /// It stayed in the net.
    Net,
    /// It fell on the striker's own half.
    OwnHalf,
    /// It was struck before it had touched the table.
    Volley,
    /// It was no good serve.
    Fault,
}

/// What a touch or a stroke comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A point for this side.
    Point(Side, Why),
    /// A good serve that touched the net: again.
    Let,
}

/// The game's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Of the left and the right side.
    pub points: [u32; 2],
    /// Who served first.
    pub first: Side,
}

impl Score {
    /// Nothing to nothing.
    pub const fn new(first: Side) -> Self {
        Self { points: [0; 2], first }
    }

    /// Who serves now: in turns of two points, of one from ten all on.
    pub const fn server(&self) -> Side {
        let [left, right] = self.points;
        let played = left + right;
        let turns = if left >= POINTS - 1 && right >= POINTS - 1 { played } else { played / 2 };
        if turns.is_multiple_of(2) { self.first } else { self.first.other() }
    }

    /// Who has won.
    pub const fn winner(&self) -> Option<Side> {
        let [left, right] = self.points;
        if left >= POINTS && left >= right + 2 {
            Some(Side::Left)
        } else if right >= POINTS && right >= left + 2 {
            Some(Side::Right)
        } else {
            None
        }
    }

    /// One more for a side.
    pub const fn add(&mut self, side: Side) {
        self.points[side as usize] += 1;
    }

    /// Whether one more point would win the game for somebody.
    pub fn is_game_point(&self) -> bool {
        self.winner().is_none()
            && Side::BOTH.into_iter().any(|side| {
                let mut next = *self;
                next.add(side);
                next.winner().is_some()
            })
    }
}

/// What has to come next in a rally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    /// A serve's touch of the server's half.
    OwnHalf,
    /// The serve's touch of the other half; whether it has touched the net.
    Over { has_touched_net: bool },
    /// A stroke's touch of the other half.
    Landing,
    /// The other side's stroke.
    Return,
    /// Nothing: it is decided.
    Nothing,
}

/// Watches one rally, from the serve on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rally {
    striker: Side,
    awaits: Awaits,
    in_net: bool,
    strokes: u32,
}

impl Rally {
    /// The server has just struck.
    pub const fn served(by: Side) -> Self {
        Self { striker: by, awaits: Awaits::OwnHalf, in_net: false, strokes: 1 }
    }

    /// Who struck last.
    pub const fn striker(&self) -> Side {
        self.striker
    }

    /// How often it was struck.
    pub const fn strokes(&self) -> u32 {
        self.strokes
    }

    /// Whether the other side may strike.
    pub fn awaits_return(&self) -> bool {
        self.awaits == Awaits::Return
    }

    /// Whether a good serve has touched the net so far, or a stroke.
    pub const fn has_touched_net(&self) -> bool {
        self.in_net
    }

    /// The ball has touched something.
    pub fn touch(&mut self, touch: Touch) -> Option<Verdict> {
        let (striker, other) = (self.striker, self.striker.other());
        let verdict = match (self.awaits, touch) {
            (Awaits::Nothing, _) => return None,
            (Awaits::OwnHalf, Touch::Table(side)) if side == striker => {
                self.awaits = Awaits::Over { has_touched_net: false };
                return None;
            }
            (Awaits::Over { .. }, Touch::Net | Touch::Cord) => {
                self.in_net = true;
                self.awaits = Awaits::Over { has_touched_net: true };
                return None;
            }
            (Awaits::Over { has_touched_net }, Touch::Table(side)) if side == other => {
                if has_touched_net {
                    Verdict::Let
                } else {
                    self.awaits = Awaits::Return;
                    return None;
                }
            }
            (Awaits::OwnHalf | Awaits::Over { .. }, _) => Verdict::Point(other, Why::Fault),
            (Awaits::Landing, Touch::Net | Touch::Cord) => {
                self.in_net = true;
                return None;
            }
            (Awaits::Landing, Touch::Table(side)) if side == other => {
                self.awaits = Awaits::Return;
                self.in_net = false;
                return None;
            }
            (Awaits::Landing, Touch::Table(_)) => {
                Verdict::Point(other, if self.in_net { Why::Net } else { Why::OwnHalf })
            }
            (Awaits::Landing, Touch::Edge | Touch::Floor | Touch::Wall) => {
                Verdict::Point(other, if self.in_net { Why::Net } else { Why::Out })
            }
            // A good ball that falls back from the net on the receiver's half is theirs to get.
            (Awaits::Return, Touch::Net | Touch::Cord) => return None,
            (Awaits::Return, _) => Verdict::Point(striker, Why::NotReturned),
        };
        self.awaits = Awaits::Nothing;
        Some(verdict)
    }

    /// A side has struck the ball; whether it was over the table then.
    pub fn stroke(&mut self, by: Side, over_table: bool) -> Option<Verdict> {
        let other = by.other();
        let verdict = match self.awaits {
            Awaits::Nothing => return None,
            Awaits::Return if by != self.striker => {
                self.striker = by;
                self.strokes += 1;
                self.awaits = Awaits::Landing;
                self.in_net = false;
                return None;
            }
            // Who stops a ball that had gone out anyhow does no harm.
            Awaits::Landing if by != self.striker && !over_table => Verdict::Point(by, Why::Out),
            Awaits::OwnHalf | Awaits::Over { .. } if by != self.striker && !over_table => {
                Verdict::Point(by, Why::Fault)
            }
            _ => Verdict::Point(other, Why::Volley),
        };
        self.awaits = Awaits::Nothing;
        Some(verdict)
    }
}
