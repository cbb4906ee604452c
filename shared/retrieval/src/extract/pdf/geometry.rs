//! Coordinates (ISO 32000-2, 8.3).

/// An affine map; points are rows: `[x y 1] × matrix`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    pub(super) a: f32,
    pub(super) b: f32,
    pub(super) c: f32,
    pub(super) d: f32,
    pub(super) e: f32,
    pub(super) f: f32,
}

impl Matrix {
    pub(super) const IDENTITY: Self = Self::new([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub(super) const fn new(numbers: [f32; 6]) -> Self {
        Self {
            a: numbers[0],
            b: numbers[1],
            c: numbers[2],
            d: numbers[3],
            e: numbers[4],
            f: numbers[5],
        }
    }

    pub(super) const fn translation(x: f32, y: f32) -> Self {
        Self::new([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// Returns the map that applies this one first and then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            a: self.a * next.a + self.b * next.c,
            b: self.a * next.b + self.b * next.d,
            c: self.c * next.a + self.d * next.c,
            d: self.c * next.b + self.d * next.d,
            e: self.e * next.a + self.f * next.c + next.e,
            f: self.e * next.b + self.f * next.d + next.f,
        }
    }

    /// Returns the map that undoes this one; `None` if it maps an area to a line.
    pub(super) fn inverse(self) -> Option<Self> {
        let determinant = self.a * self.d - self.b * self.c;
        if !determinant.is_normal() {
            return None;
        }
        let of = |number: f32| number / determinant;
        let turned = Self::new([of(self.d), of(-self.b), of(-self.c), of(self.a), 0.0, 0.0]);
        let Point { x, y } = turned.apply(self.e, self.f);
        Some(Self { e: -x, f: -y, ..turned })
    }

    pub(super) fn apply(self, x: f32, y: f32) -> Point {
        Point {
            x: self.a * x + self.c * y + self.e,
            y: self.b * x + self.d * y + self.f,
        }
    }
}

/// A position on the page, in points; y grows upwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

impl Point {
    pub(super) fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

/// The area of a page, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f32,
    pub(super) bottom: f32,
    pub(super) right: f32,
    pub(super) top: f32,
}

impl Area {
    /// US Letter, the parsers' habit for pages that do not tell their size.
    pub(super) const LETTER: Self = Self {
        left: 0.0,
        bottom: 0.0,
        right: 612.0,
        top: 792.0,
    };

    /// Returns the rectangle between two opposite corners; `None` if it has no area.
    pub(super) fn between([x0, y0, x1, y1]: [f32; 4]) -> Option<Self> {
        let area = Self {
            left: x0.min(x1),
            bottom: y0.min(y1),
            right: x0.max(x1),
            top: y0.max(y1),
        };
        (area.size() > 0.0).then_some(area)
    }

    pub(super) fn size(self) -> f32 {
        (self.right - self.left) * (self.top - self.bottom)
    }

    pub(super) fn contains(self, point: Point, tolerance: f32) -> bool {
        point.x >= self.left - tolerance
            && point.x <= self.right + tolerance
            && point.y >= self.bottom - tolerance
            && point.y <= self.top + tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_applied_in_order() {
        let double = Matrix::new([2.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
        let moved = Matrix::translation(10.0, 5.0);
        assert_eq!(double.then(moved).apply(1.0, 1.0), Point { x: 12.0, y: 7.0 });
        assert_eq!(moved.then(double).apply(1.0, 1.0), Point { x: 22.0, y: 12.0 });
        let back = double.then(moved).inverse();
        assert_eq!(back.map(|back| back.apply(12.0, 7.0)), Some(Point { x: 1.0, y: 1.0 }));
        assert_eq!(Matrix::new([0.0; 6]).inverse(), None);
    }
}
