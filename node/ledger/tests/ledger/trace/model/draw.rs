//! Random operations that are mostly of use.

use super::{Do, Model, Op, PEOPLE, State, Who, finished};

/// Equal seeds give equal numbers (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// A batch that is mostly of use, and who mostly has it.
fn subject(dice: &mut Dice, model: &Model) -> (String, Who) {
    let codes: Vec<_> = model.batches.keys().collect();
    if codes.is_empty() || dice.one_in(60) {
        return ("nothing".to_owned(), dice.pick(&PEOPLE));
    }
    let mut code = dice.pick(&codes).clone();
    for _ in 0..4 {
        if finished(&model.batches[&code]).is_ok() && (!model.doomed(&code) || dice.one_in(4)) {
            break;
        }
        code.clone_from(dice.pick(&codes));
    }
    let custodian = model.batches[&code].custodian;
    let who = if dice.one_in(8) { dice.pick(&PEOPLE) } else { custodian };
    (code, who)
}

fn amount(dice: &mut Dice, model: &Model, code: &str) -> u64 {
    let left = model.batches.get(code).map_or(10, |k| k.left);
    match dice.below(8) {
        0 => left.max(1),
        1 => left + 1 + dice.below(5),
        _ => 1 + dice.below(left.max(1)),
    }
}

/// A new code, and now and then one that exists.
fn fresh(dice: &mut Dice, model: &Model, number: &mut u64, who: Who) -> String {
    let own: Vec<_> = model.batches.iter().filter(|(_, k)| k.maker == who).map(|(c, _)| c).collect();
    if !own.is_empty() && dice.one_in(50) {
        return dice.pick(&own).clone();
    }
    *number += 1;
    format!("b{number}")
}

pub(super) fn draw(dice: &mut Dice, model: &Model, number: &mut u64) -> (Who, Op) {
    let (code, who) = subject(dice, model);
    let act = |act| (who, Op::Act { code: code.clone(), act });
    match dice.below(20) {
        0 | 1 => {
            let who = dice.pick(&PEOPLE);
            let code = fresh(dice, model, number, who);
            (who, Op::Commission { code, tenths: 1 + dice.below(1000), growing: dice.one_in(3) })
        }
        2 => act(Do::Input(u32::try_from(dice.below(3)).unwrap())),
        3 => act(Do::Harvest(1 + dice.below(900))),
        4 => (dice.pick(&PEOPLE), Op::Act { code: code.clone(), act: Do::Inspect(!dice.one_in(4)) }),
        5 => act(Do::Certify),
        6 => act(Do::Pack),
        7 | 8 => act(Do::Unpack),
        9 => act(Do::Ship(dice.pick(&PEOPLE))),
        10 | 11 => {
            let to = model.batches.values().find_map(|k| k.to);
            let shipped = model.batches.iter().find(|(_, k)| k.state == State::Shipped).map(|(c, _)| c.clone());
            (to.unwrap_or(who), Op::Act { code: shipped.unwrap_or(code), act: Do::Receive })
        }
        12 => act(Do::Sell(amount(dice, model, &code), !dice.one_in(10))),
        13 if dice.one_in(3) => act(Do::Recall),
        14 => act(Do::Return(dice.pick(&PEOPLE))),
        15 if dice.one_in(3) => act(Do::Destroy),
        13 | 15 | 16 | 17 => {
            let taken = amount(dice, model, &code);
            let loss = dice.below(taken.min(3));
            let each = (taken - loss).div_ceil(2).max(1);
            let second = (taken - loss).saturating_sub(each);
            let mut parts = vec![(fresh(dice, model, number, who), each)];
            if second > 0 {
                parts.push((fresh(dice, model, number, who), second));
            }
            if parts.len() == 2 && parts[0].0 == parts[1].0 {
                parts.pop();
            }
            let loss = loss + u64::from(dice.one_in(12));
            (who, Op::Split { code, taken, loss, parts })
        }
        _ => {
            let mut inputs = vec![(code.clone(), amount(dice, model, &code))];
            let (other, _) = subject(dice, model);
            if other != code {
                inputs.push((other.clone(), amount(dice, model, &other)));
            }
            let used: u64 = inputs.iter().map(|i| i.1).sum();
            let permille = 500 + u32::try_from(dice.below(501)).unwrap();
            let most = used * u64::from(permille) / 1000;
            let made = if dice.one_in(8) { most + 1 } else { most.max(1) };
            (who, Op::Transform { inputs, outputs: vec![(fresh(dice, model, number, who), made)], permille })
        }
    }
}
