//! What the rows of the sample store are combined from.

pub(super) const DEPARTMENTS: [&str; 8] = [
    "Sales",
    "Customer Service",
    "Logistics",
    "Purchasing",
    "Marketing",
    "Finance",
    "Human Resources",
    "IT",
];

pub(super) const JOBS: [&str; 6] = [
    "Assistant",
    "Associate",
    "Specialist",
    "Analyst",
    "Coordinator",
    "Team Lead",
];

/// City and country.
pub(super) const CITIES: [(&str, &str); 24] = [
    ("Berlin", "Germany"),
    ("Hamburg", "Germany"),
    ("Munich", "Germany"),
    ("Cologne", "Germany"),
    ("Vienna", "Austria"),
    ("Graz", "Austria"),
    ("Zurich", "Switzerland"),
    ("Basel", "Switzerland"),
    ("Paris", "France"),
    ("Lyon", "France"),
    ("Lille", "France"),
    ("Amsterdam", "Netherlands"),
    ("Rotterdam", "Netherlands"),
    ("Brussels", "Belgium"),
    ("Madrid", "Spain"),
    ("Valencia", "Spain"),
    ("Milan", "Italy"),
    ("Turin", "Italy"),
    ("London", "United Kingdom"),
    ("Leeds", "United Kingdom"),
    ("Dublin", "Ireland"),
    ("Copenhagen", "Denmark"),
    ("Stockholm", "Sweden"),
    ("Oslo", "Norway"),
];

/// Category, and what its products are.
pub(super) const CATEGORIES: [(&str, &[&str]); 16] = [
    ("Lighting", &["Desk Lamp", "Floor Lamp", "Pendant Lamp", "Lantern"]),
    (
        "Kitchen",
        &["Kettle", "Coffee Grinder", "Toaster", "Mixing Bowl", "Knife Set"],
    ),
    ("Tableware", &["Dinner Plate", "Mug", "Carafe", "Salad Bowl"]),
    ("Bedding", &["Duvet", "Pillow", "Linen Sheet", "Blanket"]),
    ("Bath", &["Bath Towel", "Soap Dish", "Bath Mat", "Shower Curtain"]),
    ("Chairs", &["Dining Chair", "Armchair", "Bar Stool", "Rocking Chair"]),
    ("Tables", &["Side Table", "Dining Table", "Folding Table", "Desk"]),
    ("Storage", &["Bookshelf", "Storage Box", "Wardrobe", "Coat Rack"]),
    ("Rugs", &["Wool Rug", "Runner", "Doormat"]),
    ("Garden", &["Watering Can", "Planter", "Garden Bench", "Bird Feeder"]),
    (
        "Tools",
        &["Cordless Drill", "Hammer", "Screwdriver Set", "Spirit Level"],
    ),
    ("Office", &["Notebook", "Pen Set", "Desk Organizer", "Whiteboard"]),
    ("Bags", &["Backpack", "Tote Bag", "Travel Bag"]),
    ("Outdoor", &["Tent", "Sleeping Bag", "Camping Stove", "Headlamp"]),
    ("Toys", &["Wooden Train", "Puzzle", "Building Blocks", "Plush Bear"]),
    ("Clocks", &["Wall Clock", "Alarm Clock", "Kitchen Timer"]),
];

/// The groups that categories belong to, with the number of categories in each, in their order.
pub(super) const GROUPS: [(&str, usize); 4] = [("Home", 5), ("Furniture", 4), ("Work & Garden", 3), ("Leisure", 4)];

pub(super) const LINES: [&str; 20] = [
    "Meridian", "Alder", "Brook", "Cinder", "Dune", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper",
    "Kestrel", "Lark", "Moss", "Nimbus", "Orchard", "Pebble", "Quill", "Rowan", "Saffron",
];

pub(super) const COLORS: [&str; 8] = ["black", "white", "grey", "red", "blue", "green", "yellow", "natural"];

pub(super) const FIRST_NAMES: [&str; 40] = [
    "Ada", "Amir", "Anna", "Ben", "Carla", "Chen", "Clara", "David", "Dina", "Elena", "Elif", "Emil", "Farid", "Freya",
    "Greta", "Hana", "Hugo", "Ines", "Ivan", "Jonas", "Julia", "Kofi", "Lea", "Leo", "Lina", "Luca", "Maya", "Mila",
    "Nadia", "Noah", "Olga", "Omar", "Paul", "Priya", "Rosa", "Samir", "Sofia", "Theo", "Vera", "Yusuf",
];

pub(super) const LAST_NAMES: [&str; 40] = [
    "Abebe", "Adler", "Bauer", "Bianchi", "Brandt", "Castro", "Dahl", "Dubois", "Eriksen", "Fischer", "Fontaine",
    "Garcia", "Haddad", "Hansen", "Ito", "Jansen", "Kaya", "Keller", "Kowalski", "Larsen", "Lindgren", "Marino",
    "Meyer", "Moreau", "Nguyen", "Novak", "Okafor", "Olsen", "Patel", "Petrov", "Quinn", "Rossi", "Santos", "Schmidt",
    "Silva", "Tanaka", "Vogel", "Walsh", "Weber", "Yilmaz",
];

pub(super) const SUPPLIER_KINDS: [&str; 5] = ["Works", "Trading", "Supply", "Goods", "Manufactory"];

pub(super) const PROMOTIONS: [&str; 8] = [
    "Spring Sale",
    "Summer Days",
    "Back to School",
    "Autumn Weeks",
    "Black Friday",
    "Winter Sale",
    "Anniversary",
    "Members Week",
];

pub(super) const RETURN_REASONS: [&str; 5] = [
    "damaged",
    "wrong item",
    "not as described",
    "changed mind",
    "arrived late",
];

pub(super) const REVIEW_TITLES: [[&str; 3]; 5] = [
    ["Broke after a week", "Not worth it", "Very disappointed"],
    ["Could be better", "Weaker than expected", "Not for me"],
    ["Does its job", "Average", "It is fine"],
    ["Good value", "Happy with it", "Would buy again"],
    ["Excellent", "Better than expected", "A favourite"],
];
