"""What the documents show is what the program says and does."""
import re
import unittest

from harness import SOURCE, EndToEnd, stfcube


class Documents(EndToEnd):
    def test_job_file_in_the_docs_is_the_one_the_program_prints(self):
        self.assertEqual((SOURCE / "docs/job-file.cfg").read_text(), stfcube("init").stdout,
                         "run: stfcube init > docs/job-file.cfg")

    def test_every_method_has_a_page_that_names_its_options(self):
        for line in stfcube("models").stdout.splitlines():
            if not re.match(r"^[a-z]+ ", line):
                continue
            name = line.split()[0]
            page = (SOURCE / f"docs/methods/{name}.md").read_text()
            for option in re.findall(rf"^  {name}\.(\S+)", stfcube("models", name).stdout, re.M):
                self.assertIn(option, page, f"docs/methods/{name}.md")

    def test_links_of_the_readme_lead_somewhere(self):
        text = (SOURCE / "README.md").read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("http"):
                self.assertTrue((SOURCE / target).exists(), target)

    def test_keys_of_the_job_in_the_readme_exist(self):
        known = stfcube("run", "--help").stdout
        job = re.search(r"```ini\n(.*?)```", (SOURCE / "README.md").read_text(), re.S).group(1)
        section = ""
        for line in job.splitlines():
            if match := re.match(r"\[(\w+)\]", line):
                section = match.group(1)
            elif match := re.match(r"(\S+) =", line):
                self.assertIn(f"--{section}.{match.group(1)} ", known)


if __name__ == "__main__":
    unittest.main(verbosity=2)
