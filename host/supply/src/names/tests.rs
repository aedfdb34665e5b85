//! Names in pairs.

use super::*;

#[test]
fn fold_order_matters_in_both_directions() {
    let mut taken = Taken::default();
    taken.take("mail_list");
    for name in ["MAIL_LIST", "mai1_list", "maII_list", "rnail_list", "mail-list", "MAlL_list"] {
        assert_eq!(taken.check(name), Err(Refused::Taken("mail_list".to_owned())), "{name}");
    }
    for name in ["mail_lists", "email_list", "mail", "list_mail"] {
        assert_eq!(taken.check(name), Ok(()), "{name}");
    }
}
