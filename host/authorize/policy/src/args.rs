//! Arguments as policies see them: JSON text, typed by the schema of the contract. What a type cannot hold is an error,
//! which denies; nothing is rounded.

use std::collections::BTreeMap;

use cedar_policy::RestrictedExpression;
use grid_adm::{Value, json};

use crate::schema::Shape;

/// Decimals have that many digits after the point.
const FRACTION: usize = 4;
/// Numbers that fit have no more digits than that before the point.
const WHOLE: usize = 15;

/// Why arguments cannot be shown to policies. It never holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) String);

/// The record of arguments.
pub(crate) fn read(text: &str, shape: &Shape) -> Result<RestrictedExpression, Unfit> {
    let value = json::parse(text).map_err(|_| Unfit("the arguments are not strict JSON".to_owned()))?;
    expression(&value, shape, "")
}

fn expression(value: &Value, shape: &Shape, at: &str) -> Result<RestrictedExpression, Unfit> {
    let unfit = || Unfit(format!("`{}` is not what the contract says it is", if at.is_empty() { "/" } else { at }));
    match shape {
        Shape::Text => value.as_str().map(|text| RestrictedExpression::new_string(text.to_owned())).ok_or_else(unfit),
        Shape::Bool => value.as_bool().map(RestrictedExpression::new_bool).ok_or_else(unfit),
        Shape::Long => value.as_i64().map(RestrictedExpression::new_long).ok_or_else(unfit),
        Shape::Decimal => {
            let number = value.as_number().ok_or_else(unfit)?;
            let exact = decimal(&number.token()).ok_or_else(|| {
                Unfit(format!("the number at `{at}` has more digits than a decimal of policies holds (15 and 4)"))
            })?;
            Ok(RestrictedExpression::new_decimal(exact))
        }
        Shape::Set(of) => {
            let items = value.as_array().ok_or_else(unfit)?;
            let items: Result<Vec<_>, _> = items.iter().map(|item| expression(item, of, at)).collect();
            Ok(RestrictedExpression::new_set(items?))
        }
        Shape::Record(members) => record(value, members, at),
    }
}

fn record(value: &Value, members: &BTreeMap<String, (Shape, bool)>, at: &str) -> Result<RestrictedExpression, Unfit> {
    let unfit = || Unfit(format!("`{at}/` is not an object"));
    let map = value.as_object().ok_or_else(unfit)?;
    let mut pairs = Vec::with_capacity(members.len());
    for (name, (shape, required)) in members {
        match map.get(name) {
            Some(value) => pairs.push((name.clone(), expression(value, shape, &format!("{at}/{name}"))?)),
            None if *required => return Err(Unfit(format!("`{at}/{name}` is missing"))),
            None => {}
        }
    }
    RestrictedExpression::new_record(pairs).map_err(|_| unfit())
}

/// A JSON number as Cedar writes decimals, where it is exactly one.
pub(crate) fn decimal(token: &str) -> Option<String> {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Some("0.0".to_owned());
    }
    // Where the point stands among the significant digits.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(i64::try_from(leading).ok()?)?;
    let after = i64::try_from(significant.len()).ok()?.checked_sub(point)?;
    if point > i64::try_from(WHOLE).ok()? || after > i64::try_from(FRACTION).ok()? {
        return None;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let (whole, fraction) = if point <= 0 {
        ("0".to_owned(), format!("{}{significant}", zeros(-point)))
    } else if after <= 0 {
        (format!("{significant}{}", zeros(-after)), "0".to_owned())
    } else {
        let (whole, fraction) = significant.split_at_checked(usize::try_from(point).ok()?)?;
        (whole.to_owned(), fraction.to_owned())
    };
    Some(format!("{sign}{whole}.{fraction}"))
}
