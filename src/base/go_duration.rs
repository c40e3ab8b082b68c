//! Durations as Go writes them: `30s`, `1m30s`, `0.5h`. Kubernetes, the metrics agents and this program's file share the form.

use std::time::Duration;

/// The duration of a Go duration text; nothing when it is not one, when it is not positive, or when it is beyond 500 years.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, tail) = rest.split_at(number);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        total = total.checked_add(scaled(digits, unit_nanoseconds(unit)?)?)?;
        rest = tail;
    }
    let nanoseconds = u64::try_from(total).ok().filter(|nanoseconds| *nanoseconds > 0)?;
    Some(Duration::from_nanos(nanoseconds))
}

fn unit_nanoseconds(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    })
}

fn scaled(digits: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 18 {
        return None;
    }
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u128>().ok() };
    let places = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    number(whole)?.checked_mul(unit)?.checked_add(number(fraction)?.checked_mul(unit)? / places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        assert_eq!(parse("30s"), parse("0m30s"));
        assert_eq!(parse("1.5m"), Some(Duration::from_secs(90)));
        for bad in ["", "30", "s", "-1s", "1x", "1s2", "0s", "1..2s", "99999999999999999999h", "9999999999h", "."] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
