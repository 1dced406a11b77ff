"""Look at the data before training, at a model after it, and at what to label next."""

from attrlearn.inspection.audit_report import AuditReport
from attrlearn.inspection.data_audit import audit

__all__ = ["AuditReport", "audit"]
