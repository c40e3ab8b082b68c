//! Floor 5: what was intended and what came of it. Serves resume, history and audit; never the truth about Azure.
