"""Names for people, shops and trades, combined from short lists. Nobody real is meant."""

WOMEN = (
    "Abigail", "Adele", "Agnes", "Alice", "Amanda", "Amy", "Anna", "April", "Audrey", "Beth", "Bonnie", "Carla",
    "Chloe", "Clara", "Cora", "Dana", "Debra", "Diana", "Donna", "Edith", "Elaine", "Ella", "Emma", "Erica", "Esther",
    "Fay", "Fiona", "Gina", "Grace", "Hannah", "Heather", "Helen", "Holly", "Irene", "Isabel", "Jane", "Jenna", "Jill",
    "Joan", "Judith", "Julia", "Karen", "Katie", "Kelly", "Laura", "Leah", "Linda", "Lucy", "Lydia", "Maria", "Megan",
    "Melissa", "Miriam", "Monica", "Nancy", "Naomi", "Nicole", "Nora", "Olivia", "Paula", "Peggy", "Rachel", "Rita",
    "Robin", "Rose", "Ruth", "Sabrina", "Sally", "Sarah", "Sharon", "Sonia", "Stella", "Susan", "Sylvia", "Tara",
    "Teresa", "Tina", "Valerie", "Vera", "Violet", "Wendy", "Yvonne", "Zoe",
)  # fmt: skip
MEN = (
    "Aaron", "Adam", "Alan", "Albert", "Alex", "Andrew", "Arthur", "Barry", "Ben", "Bernard", "Brian", "Bruce",
    "Carl", "Charles", "Chris", "Clarence", "Clyde", "Craig", "Curtis", "Daniel", "David", "Dean", "Dennis", "Derek",
    "Douglas", "Duane", "Edgar", "Edward", "Eric", "Ernest", "Eugene", "Felix", "Frank", "Fred", "Gary", "George",
    "Gerald", "Gilbert", "Glenn", "Gordon", "Greg", "Harold", "Harry", "Henry", "Howard", "Ian", "Isaac", "Jack",
    "Jacob", "James", "Jason", "Jeffrey", "Jerome", "Joel", "John", "Joseph", "Justin", "Keith", "Kenneth", "Kevin",
    "Lance", "Larry", "Leo", "Lewis", "Louis", "Luke", "Mark", "Martin", "Matthew", "Max", "Michael", "Nathan", "Neil",
    "Oscar", "Patrick", "Paul", "Peter", "Philip", "Ralph", "Ray", "Richard", "Robert", "Roger", "Ross", "Russell",
    "Samuel", "Scott", "Simon", "Stanley", "Stephen", "Theodore", "Thomas", "Timothy", "Tony", "Vernon", "Victor",
    "Walter", "Wayne", "William",
)  # fmt: skip
_SURNAME_HEADS = (
    "Al", "Ander", "Bar", "Ben", "Black", "Brad", "Bren", "Bur", "Cal", "Car", "Chan", "Col", "Cran", "Dal", "Daw",
    "Den", "Dun", "Eg", "Farn", "Fen", "Gar", "Gil", "Hal", "Har", "Hed", "Hol", "Kel", "Ken", "Kirk", "Lang", "Mal",
    "Mar", "Mer", "Nor", "Pem", "Pres", "Rad", "Ran", "Sel", "Shel", "Sker", "Sten", "Thorn", "Wal", "War", "Wil",
)  # fmt: skip
_SURNAME_TAILS = (
    "bert", "by", "combe", "den", "dell", "er", "field", "ford", "ham", "ley", "lock", "man", "mond", "sen", "shaw",
    "son", "stead", "ston", "ton", "well", "wick", "wood", "worth",
)  # fmt: skip
SURNAMES = tuple(head + tail for head in _SURNAME_HEADS for tail in _SURNAME_TAILS)

_TRADES = (
    "Accountant", "Administrator", "Adviser", "Analyst", "Architect", "Buyer", "Chemist", "Conservator", "Coordinator",
    "Designer", "Editor", "Engineer", "Geologist", "Inspector", "Investigator", "Lecturer", "Librarian", "Manager",
    "Nurse", "Officer", "Planner", "Producer", "Programmer", "Psychologist", "Scientist", "Secretary", "Surveyor",
    "Teacher", "Technician", "Therapist", "Trader", "Writer",
)  # fmt: skip
_BRANCHES = (
    "agricultural", "broadcasting", "chartered", "civil", "clinical", "commercial", "community", "environmental",
    "film/video", "forensic", "industrial", "land", "marine", "medical", "public", "technical",
)  # fmt: skip
JOBS = (*_TRADES, *(f"{trade}, {branch}" for trade in _TRADES for branch in _BRANCHES))
