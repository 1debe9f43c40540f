"""What others take: alerts and cases in the forms of ECS, OCSF and CSV, ATT&CK layers, one page to hand on."""
