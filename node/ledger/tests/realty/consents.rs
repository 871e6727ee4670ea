//! R3: shares and consent.

use crate::office::{FLAT, Office, PARCEL, shares, who};
use hnchain_types::realty::{Right, Title};

#[test]
fn r3_shares_that_do_not_sum_to_one_are_refused() {
    let mut o = Office::with_flat();
    for bad in [shares(&[(1, 1, 2), (2, 1, 3)]), shares(&[(1, 2, 3), (2, 2, 3)]), shares(&[(1, 1, 3), (2, 1, 3)])] {
        let op = o.transfer(bad.clone(), &[1]);
        o.refuses(op, "REALTY_SHARES");
        let op = o.register("410202001001GB00001F00010002", Right::Building, bad);
        o.refuses(op, "REALTY_SHARES");
    }
    let good = o.transfer(shares(&[(1, 1, 3), (2, 1, 6), (3, 1, 2)]), &[1]);
    o.does(good);
}

#[test]
fn r3_alone_and_jointly_all_consent() {
    let mut o = Office::with_flat();
    let op = o.transfer(Title::joint([who(2), who(3)]), &[7]);
    o.refuses(op, "REALTY_CONSENT");
    let op = o.transfer(Title::joint([who(2), who(3)]), &[1]);
    o.does(op);
    let op = o.transfer(Title::sole(who(4)), &[2]);
    o.refuses(op, "REALTY_CONSENT");
    let op = o.transfer(Title::sole(who(4)), &[3, 2]);
    o.does(op);
}

#[test]
fn r3_two_thirds_of_the_shares_dispose_of_the_whole() {
    let thirds = shares(&[(1, 1, 3), (2, 1, 3), (3, 1, 3)]);
    let mut o = Office::with_flat_of(thirds);
    let one = o.transfer(Title::sole(who(4)), &[1]);
    o.refuses(one, "REALTY_CONSENT");
    let two = o.transfer(Title::sole(who(4)), &[1, 3]);
    o.does(two);
    assert_eq!(o.held_by(4), [FLAT]);

    let mut o = Office::with_flat_of(shares(&[(1, 65, 100), (2, 35, 100)]));
    let most = o.transfer(Title::sole(who(4)), &[1]);
    o.refuses(most, "REALTY_CONSENT");
}

#[test]
fn r3_two_thirds_never_take_the_share_of_the_others_for_themselves() {
    let mut o = Office::with_flat_of(shares(&[(1, 3, 4), (2, 1, 4)]));
    for title in [Title::sole(who(1)), shares(&[(1, 9, 10), (2, 1, 10)]), shares(&[(1, 1, 2), (3, 1, 2)])] {
        let op = o.transfer(title, &[1]);
        o.refuses(op, "REALTY_CONSENT");
    }
}

#[test]
fn r3_a_co_owner_sells_its_own_share_alone() {
    let mut title = shares(&[(1, 1, 2), (2, 1, 2)]);
    title.all_must_agree = true;
    let mut o = Office::with_flat_of(title);
    // The agreement stays what it is.
    let op = o.transfer(shares(&[(2, 1, 2), (3, 1, 2)]), &[1]);
    o.refuses(op, "REALTY_CONSENT");
    let mut after = shares(&[(2, 1, 2), (3, 1, 2)]);
    after.all_must_agree = true;
    let op = o.transfer(after, &[1]);
    o.does(op);
    assert_eq!((o.held_by(1).len(), o.held_by(2).len(), o.held_by(3).len()), (0, 1, 1));
}

#[test]
fn r3_an_agreement_that_all_must_agree_is_kept() {
    let mut title = shares(&[(1, 9, 10), (2, 1, 10)]);
    title.all_must_agree = true;
    let mut o = Office::with_flat_of(title);
    let op = o.transfer(Title::sole(who(4)), &[1]);
    o.refuses(op, "REALTY_CONSENT");
    let op = o.mortgage(5, &[1]);
    o.refuses(op, "REALTY_CONSENT");
    let op = o.transfer(Title::sole(who(4)), &[1, 2]);
    o.does(op);
}

#[test]
fn r3_every_disposal_needs_the_holders() {
    let mut o = Office::with_flat();
    let (mortgage, notice, interest) = (o.mortgage(5, &[]), o.notice(6, &[2]), o.interest(7, &[]));
    o.refuses(mortgage, "REALTY_CONSENT");
    o.refuses(notice, "REALTY_CONSENT");
    o.refuses(interest, "REALTY_CONSENT");
    let (change, cancel) = (o.change("商业", &[]), o.cancel(FLAT, &[2]));
    o.refuses(change, "REALTY_CONSENT");
    o.refuses(cancel, "REALTY_CONSENT");
    let parcel = o.cancel(PARCEL, &[100]);
    o.refuses(parcel, "REALTY_FIXTURES");
}
